package text

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"

	"handful/core/fault"
)

// A splitter cuts s into pieces and yields those that aren't empty, in order.
type splitter func(s string, yield func(string))

// pieces cuts s by every step, each one cutting what the one before yielded.
func pieces(s string, steps []splitter, yield func(string)) {
	if len(steps) == 0 {
		yield(s)
		return
	}
	steps[0](s, func(p string) { pieces(p, steps[1:], yield) })
}

// prefixSpace is ByteLevel's add_prefix_space: every piece begins with a space.
func prefixSpace(s string, yield func(string)) {
	if !strings.HasPrefix(s, " ") {
		s = " " + s
	}
	yield(s)
}

// A span is a part of a text, which a pattern matched or which lies between
// matches.
type span struct {
	lo, hi int
	match  bool
}

// finder gives the spans of a text, without gaps.
type finder func(s string) []span

// cutBy is a splitter that does with a finder's spans what HF calls behaviour;
// nil when there is no such behaviour. With invert the spans between matches
// count as matches.
func cutBy(find finder, behaviour string, invert bool) splitter {
	join, ok := map[string]func([]span) []span{
		"Removed": func(in []span) []span {
			return slices.DeleteFunc(in, func(p span) bool { return p.match })
		},
		"Isolated": func(in []span) []span { return in },
		"Contiguous": func(in []span) []span {
			return joinIf(in, func(a, b span) bool { return a.match == b.match })
		},
		"MergedWithPrevious": func(in []span) []span {
			return joinIf(in, func(a, b span) bool { return !a.match && b.match })
		},
		"MergedWithNext": func(in []span) []span {
			return joinIf(in, func(a, b span) bool { return a.match && !b.match })
		},
	}[behaviour]
	if !ok {
		return nil
	}
	return func(s string, yield func(string)) {
		spans := find(s)
		for i := range spans {
			spans[i].match = spans[i].match != invert
		}
		for _, p := range join(spans) {
			if p.lo < p.hi {
				yield(s[p.lo:p.hi])
			}
		}
	}
}

// joinIf joins neighbours a, b that belong together; b's flag is kept.
func joinIf(in []span, together func(a, b span) bool) (out []span) {
	for i, p := range in {
		if i > 0 && together(in[i-1], p) {
			out[len(out)-1].hi = p.hi
			continue
		}
		out = append(out, p)
	}
	return out
}

// findDigits finds numbers, each digit by itself.
func findDigits(s string) (out []span) {
	start := 0
	for i, r := range s {
		if !isDigit(r) {
			continue
		}
		if start < i {
			out = append(out, span{start, i, false})
		}
		start = i + utf8.RuneLen(r)
		out = append(out, span{i, start, true})
	}
	return append(out, span{start, len(s), false})
}

// findString finds a literal.
func findString(lit string) finder {
	return func(s string) (out []span) {
		at := 0
		for lit != "" {
			i := strings.Index(s[at:], lit)
			if i < 0 {
				break
			}
			out = append(out, span{at, at + i, false}, span{at + i, at + i + len(lit), true})
			at += i + len(lit)
		}
		return dropEmpty(append(out, span{at, len(s), false}))
	}
}

func dropEmpty(in []span) []span {
	return slices.DeleteFunc(in, func(p span) bool { return p.lo == p.hi })
}

// patternBytes bounds a pattern from a file.
const patternBytes = 8 << 10

// findRegex finds a regular expression. HF's are Oniguruma's, in Ruby's
// dialect; the engine here speaks .NET's, which is the same for what
// tokenizers use. Where both would accept a pattern and read it differently, it
// is refused. \w is slightly smaller here, and \p{…} follows Unicode 15. The
// engine backtracks: a pattern made for that can take very long on a long text.
func findRegex(where, pattern string) (find finder, err error) {
	const op = "text.findRegex"
	if len(pattern) > patternBytes {
		return nil, fault.Unsupportedf(op, "%s: pattern of %d bytes, want at most %d", where, len(pattern), patternBytes)
	}
	for _, own := range []string{"&&", "[[", "[:", "(?m", "(?x", `\h`, `\H`, `\K`, `\R`, `\X`, `\G`, `\Z`} {
		if strings.Contains(pattern, own) {
			return nil, fault.Unsupportedf(op, "%s: %s in the pattern %q", where, own, pattern)
		}
	}
	re, err := compile(pattern)
	if err != nil {
		return nil, fault.Unsupportedf(op, "%s: pattern %q: %w", where, pattern, err)
	}
	return func(s string) (out []span) {
		runes := []rune(s)
		offset := make([]int, 0, len(runes)+1)
		for i := range s {
			offset = append(offset, i)
		}
		offset = append(offset, len(s))
		at := 0
		m, err := re.FindRunesMatch(runes)
		for ; err == nil && m != nil; m, err = re.FindNextMatch(m) {
			lo, hi := offset[m.Index], offset[m.Index+m.Length]
			out = append(out, span{at, lo, false}, span{lo, hi, true})
			at = hi
		}
		return dropEmpty(append(out, span{at, len(s), false}))
	}, nil
}

// compile guards against the engine's panics on patterns it can't parse. In
// Ruby's dialect ^ and $ always mean lines.
func compile(pattern string) (re *regexp2.Regexp, err error) {
	defer fault.Recover("text.compile", &err)
	return regexp2.Compile(pattern, regexp2.Multiline)
}
