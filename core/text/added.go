package text

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// An addedToken is found in the text itself, before it is cut into words.
type addedToken struct {
	id             int32
	content        string
	special        bool
	singleWord     bool // only between non-word characters
	lstrip, rstrip bool // takes the spaces on that side with it
	normalized     bool // looked for after normalisation, else before
}

// finds looks for added tokens: of those that begin first, the longest.
type finds struct {
	tokens  map[string]addedToken
	lengths [256][]int // of the tokens with that first byte, longest first
}

func newFinds(tokens []addedToken) *finds {
	f := &finds{tokens: map[string]addedToken{}}
	for _, t := range tokens {
		if t.content == "" {
			continue
		}
		f.tokens[t.content] = t
		l := &f.lengths[t.content[0]]
		if !slices.Contains(*l, len(t.content)) {
			*l = append(*l, len(t.content))
		}
	}
	for _, l := range f.lengths {
		slices.SortFunc(l, func(a, b int) int { return cmp.Compare(b, a) })
	}
	return f
}

// split calls text for what lies between tokens and token for each of them. In
// plain text special tokens are no tokens.
func (f *finds) split(s string, plain bool, text func(string), token func(int32)) {
	if len(f.tokens) == 0 {
		text(s)
		return
	}
	done := 0
	for i := 0; i < len(s); {
		t, ok := f.at(s[i:])
		if !ok {
			i++
			continue
		}
		start, stop := i, i+len(t.content)
		i = stop
		if plain && t.special || t.singleWord && (endsWord(s[:start]) || startsWord(s[stop:])) {
			continue
		}
		for t.lstrip && start > done {
			r, n := utf8.DecodeLastRuneInString(s[:start])
			if !unicode.IsSpace(r) {
				break
			}
			start -= n
		}
		for t.rstrip && stop < len(s) {
			r, n := utf8.DecodeRuneInString(s[stop:])
			if !unicode.IsSpace(r) {
				break
			}
			stop += n
		}
		if done < start {
			text(s[done:start])
		}
		token(t.id)
		done = stop
	}
	if done < len(s) {
		text(s[done:])
	}
}

// at gives the longest token that s begins with.
func (f *finds) at(s string) (addedToken, bool) {
	for _, n := range f.lengths[s[0]] {
		if n <= len(s) {
			if t, ok := f.tokens[s[:n]]; ok {
				return t, true
			}
		}
	}
	return addedToken{}, false
}

func endsWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return s != "" && isWord(r)
}

func startsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && isWord(r)
}

// finds parts added tokens into those looked for before and after normalisation.
func (n normals) finds(added []addedToken) (raw, normed *finds) {
	var before, after []addedToken
	for _, a := range added {
		if a.normalized {
			a.content = n.apply(a.content)
			after = append(after, a)
		} else {
			before = append(before, a)
		}
	}
	return newFinds(before), newFinds(after)
}
