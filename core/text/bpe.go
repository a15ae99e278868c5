package text

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"handful/core/fault"
)

// BPE is a byte-level byte-pair encoding: a text is cut into words, a word is
// its UTF-8 bytes, and neighbours are joined by ranked rules.
type BPE struct {
	ids      map[string]int32 // by name; an added token wins over one of the model
	tokens   []token          // by id
	initial  [256]symbol
	rules    map[uint64]rule
	made     []int32          // what the rule of each rank makes
	whole    map[string]int32 // words that are one token whatever the rules say; nil unless ignore_merges
	unk      int32            // for bytes without a token; -1: they are dropped
	fuseUnk  bool             // neighbouring unknown bytes are one unk
	forms    []norm.Form      // the normaliser
	steps    []splitter       // the pre-tokenizer
	raw      *finds           // added tokens looked for before and
	normed   *finds           // after normalisation
	bos, eos int32            // -1: none
	template string

	mu    sync.Mutex
	cache map[string][]int32
}

type token struct {
	text    string
	special bool
	ok      bool
}

// A symbol is what one byte of a word begins as.
type symbol struct {
	ids      []int32 // none: unknown
	fallback bool    // ids are <0xNN> tokens
}

// model is what tokenizer.json and GGUF have in common.
type model struct {
	vocab        map[string]int32
	merges       [][2]string
	added        []addedToken
	forms        []norm.Form
	steps        []splitter
	unk          string
	fuseUnk      bool
	byteFallback bool
	ignoreMerges bool
}

// Ids may have holes, but a file with a few tokens gets no table of millions.
func maxID(tokens int) int { return 8*tokens + 4096 }

func newBPE(op string, m model) (*BPE, error) {
	t := &BPE{
		ids: make(map[string]int32, len(m.vocab)+len(m.added)), rules: make(map[uint64]rule, len(m.merges)),
		unk: -1, fuseUnk: m.fuseUnk, forms: m.forms, steps: m.steps, bos: -1, eos: -1, cache: map[string][]int32{},
	}
	if len(m.vocab) == 0 {
		return nil, fault.Inputf(op, "the vocabulary is empty")
	}
	limit := int32(min(maxID(len(m.vocab)+len(m.added)), 1<<30))
	put := func(name string, id int32, special bool) error {
		if id < 0 || id > limit {
			return fault.Inputf(op, "token %q has id %d, want 0 to %d with %d tokens", name, id, limit, len(m.vocab)+len(m.added))
		}
		for int(id) >= len(t.tokens) {
			t.tokens = append(t.tokens, make([]token, int(id)+1-len(t.tokens))...)
		}
		if old := t.tokens[id]; old.ok && old.text != name {
			return fault.Inputf(op, "id %d is both %q and %q", id, old.text, name)
		}
		if old, ok := t.ids[name]; ok && old != id {
			return fault.Inputf(op, "token %q has two ids, %d and %d", name, old, id)
		}
		t.ids[name], t.tokens[id] = id, token{name, special, true}
		return nil
	}
	for name, id := range m.vocab {
		if err := put(name, id, false); err != nil {
			return nil, err
		}
	}
	var raw, normed []addedToken
	for _, a := range m.added {
		if err := put(a.content, a.id, a.special); err != nil {
			return nil, err
		}
		if a.normalized {
			a.content = t.normalise(a.content)
			normed = append(normed, a)
		} else {
			raw = append(raw, a)
		}
	}
	t.raw, t.normed = newFinds(raw), newFinds(normed)
	if m.unk != "" {
		id, ok := m.vocab[m.unk]
		if !ok {
			return nil, fault.Inputf(op, "unk_token %q is not in the vocabulary", m.unk)
		}
		t.unk = id
	}
	if err := t.addMerges(op, m); err != nil {
		return nil, err
	}
	for b, r := range byteRune {
		t.initial[b] = m.symbol(string(r))
	}
	if m.ignoreMerges {
		t.whole = make(map[string]int32, len(m.vocab))
		for name, id := range m.vocab {
			t.whole[string(appendBytes(nil, name))] = id
		}
	}
	return t, nil
}

// addMerges turns pairs of names into rules of ids. Of equal pairs the last
// one counts.
func (t *BPE) addMerges(op string, m model) error {
	t.made = make([]int32, len(m.merges))
	for rank, p := range m.merges {
		var id [3]int32
		for i, name := range [3]string{p[0], p[1], p[0] + p[1]} {
			var ok bool
			if id[i], ok = m.vocab[name]; !ok {
				return fault.Inputf(op, "merge %d (%q, %q) needs the token %q, which is not in the vocabulary", rank, p[0], p[1], name)
			}
		}
		t.made[rank] = id[2]
		t.rules[pairOf(id[0], id[1])] = rule{int32(rank), id[2]}
	}
	return nil
}

func (m model) symbol(char string) symbol {
	if id, ok := m.vocab[char]; ok {
		return symbol{ids: []int32{id}}
	}
	if !m.byteFallback {
		return symbol{}
	}
	var ids []int32
	for i := range len(char) {
		id, ok := m.vocab[fmt.Sprintf("<0x%02X>", char[i])]
		if !ok {
			return symbol{}
		}
		ids = append(ids, id)
	}
	return symbol{ids, true}
}

// Encode gives the ids of s; special tokens named in s are found.
func (t *BPE) Encode(s string) []int32 { return t.encode(s, false) }

// EncodePlain gives the ids of s; names of special tokens are mere characters.
func (t *BPE) EncodePlain(s string) []int32 { return t.encode(s, true) }

func (t *BPE) encode(s string, plain bool) []int32 {
	var out []int32
	token := func(id int32) { out = append(out, id) }
	words := func(s string) {
		if s != "" {
			pieces(s, t.steps, func(w string) { out = t.appendWord(out, w) })
		}
	}
	t.raw.split(s, plain, func(s string) {
		t.normed.split(t.normalise(s), plain, words, token)
	}, token)
	return out
}

func (t *BPE) normalise(s string) string {
	for _, f := range t.forms {
		s = f.String(s)
	}
	return s
}

// The cache holds so many words of at most so many bytes, about 2 MB, and is
// emptied when it is full.
const cacheWords, cacheBytes = 1 << 14, 64

func (t *BPE) appendWord(dst []int32, w string) []int32 {
	if id, ok := t.whole[w]; ok {
		return append(dst, id)
	}
	if len(w) > cacheBytes {
		return append(dst, t.merge(t.symbols(w))...)
	}
	t.mu.Lock()
	ids, ok := t.cache[w]
	t.mu.Unlock()
	if !ok {
		ids = t.merge(t.symbols(w))
		t.mu.Lock()
		if len(t.cache) >= cacheWords {
			clear(t.cache)
		}
		t.cache[strings.Clone(w)] = ids // w may be part of a large text
		t.mu.Unlock()
	}
	return append(dst, ids...)
}

// symbols gives the ids a word begins with. An unknown byte is written when the
// next known one comes, after any fallback tokens between: so does HF.
func (t *BPE) symbols(w string) []int32 {
	out := make([]int32, 0, len(w))
	pending := false
	for i := range len(w) {
		switch y := &t.initial[w[i]]; {
		case y.fallback:
			out = append(out, y.ids...)
		case len(y.ids) > 0:
			if pending {
				out, pending = append(out, t.unk), false
			}
			out = append(out, y.ids[0])
		case t.unk >= 0:
			if pending && !t.fuseUnk {
				out = append(out, t.unk)
			}
			pending = true
		}
	}
	if pending {
		out = append(out, t.unk)
	}
	return out
}

// Decode gives the text of ids, special tokens by name.
func (t *BPE) Decode(ids []int32) string { return t.decode(ids, false) }

// DecodePlain gives the text of ids without special tokens.
func (t *BPE) DecodePlain(ids []int32) string { return t.decode(ids, true) }

func (t *BPE) decode(ids []int32, plain bool) string {
	var b []byte
	for _, id := range ids {
		if name, special, ok := t.Token(id); ok && !(plain && special) {
			b = appendBytes(b, name)
		}
	}
	s, _ := toText(b, true)
	return s
}

// Bytes is what id adds to the text; nil for an id that isn't there.
func (t *BPE) Bytes(id int32) []byte {
	name, _, _ := t.Token(id)
	return appendBytes(nil, name)
}

// Vocab is one more than the largest id.
func (t *BPE) Vocab() int { return len(t.tokens) }

// ID is the id of a token's name.
func (t *BPE) ID(name string) (int32, bool) {
	id, ok := t.ids[name]
	return id, ok
}

// Token is the name of an id.
func (t *BPE) Token(id int32) (name string, special, ok bool) {
	if id < 0 || int(id) >= len(t.tokens) {
		return "", false, false
	}
	k := t.tokens[id]
	return k.text, k.special, k.ok
}

// BOS begins a text.
func (t *BPE) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// EOS ends a text.
func (t *BPE) EOS() (int32, bool) { return t.eos, t.eos >= 0 }

// SetEnds says which ids begin and end a text; -1 for none. A tokenizer.json
// doesn't say: a HF folder's config.json does (bos_token_id, eos_token_id).
func (t *BPE) SetEnds(bos, eos int32) error {
	for _, id := range []int32{bos, eos} {
		if _, _, ok := t.Token(id); !ok && id != -1 {
			return fault.Inputf("text.SetEnds", "id %d, want one of the vocabulary of %d", id, t.Vocab()).
				Next("take config.json and tokenizer.json from the same model")
		}
	}
	t.bos, t.eos = bos, eos
	return nil
}

// ChatTemplate is the model's Jinja template for conversations, as its GGUF
// file has it, for front ends that show it; "" when there is none.
func (t *BPE) ChatTemplate() string { return t.template }
