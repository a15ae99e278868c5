package text

import (
	"fmt"

	"handful/core/fault"
)

// BPE is a byte-level byte-pair encoding: a text is cut into words, a word is
// its UTF-8 bytes, and neighbours are joined by ranked rules.
type BPE struct {
	names
	initial [256]symbol
	rules   map[uint64]rule
	made    []int32          // what the rule of each rank makes
	whole   map[string]int32 // words that are one token whatever the rules say; nil unless ignore_merges
	unk     int32            // for bytes without a token; -1: they are dropped
	fuseUnk bool             // neighbouring unknown bytes are one unk
	normal  normals          // the normaliser
	steps   []splitter       // the pre-tokenizer
	raw     *finds           // added tokens looked for before and
	normed  *finds           // after normalisation
	cache   wordCache
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
	normal       normals
	steps        []splitter
	unk          string
	fuseUnk      bool
	byteFallback bool
	ignoreMerges bool
}

func newBPE(op string, m model) (*BPE, error) {
	t := &BPE{
		names: newNames(len(m.vocab) + len(m.added)), rules: make(map[uint64]rule, len(m.merges)),
		unk: -1, fuseUnk: m.fuseUnk, normal: m.normal, steps: m.steps,
	}
	if len(m.vocab) == 0 {
		return nil, fault.Inputf(op, "the vocabulary is empty")
	}
	put := func(name string, id int32, special bool) error {
		return t.put(op, len(m.vocab)+len(m.added), name, id, special)
	}
	for name, id := range m.vocab {
		if err := put(name, id, false); err != nil {
			return nil, err
		}
	}
	for _, a := range m.added {
		if err := put(a.content, a.id, a.special); err != nil {
			return nil, err
		}
	}
	t.raw, t.normed = t.normal.finds(m.added)
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
		t.normed.split(t.normal.apply(s), plain, words, token)
	}, token)
	return out
}

func (t *BPE) appendWord(dst []int32, w string) []int32 {
	if id, ok := t.whole[w]; ok {
		return append(dst, id)
	}
	return t.cache.append(dst, w, func(w string) []int32 { return t.merge(t.symbols(w)) })
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

// First is Bytes.
func (t *BPE) First(id int32) []byte { return t.Bytes(id) }
