package text

import "handful/core/fault"

// names are the tokens of a vocabulary and which of them begin and end a text.
type names struct {
	ids      map[string]int32 // by name; an added token wins over one of the model
	tokens   []token          // by id
	bos, eos int32            // -1: none
}

type token struct {
	text    string
	special bool
	ok      bool
}

func newNames(size int) names { return names{ids: make(map[string]int32, size), bos: -1, eos: -1} }

// Ids may have holes, but a file with a few tokens gets no table of millions.
func maxID(tokens int) int { return 8*tokens + 4096 }

// put adds a token of a vocabulary of count tokens.
func (t *names) put(op string, count int, name string, id int32, special bool) error {
	if limit := int32(min(maxID(count), 1<<30)); id < 0 || id > limit {
		return fault.Inputf(op, "token %q has id %d, want 0 to %d with %d tokens", name, id, limit, count)
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

// Vocab is one more than the largest id.
func (t *names) Vocab() int { return len(t.tokens) }

// ID is the id of a token's name.
func (t *names) ID(name string) (int32, bool) {
	id, ok := t.ids[name]
	return id, ok
}

// Token is the name of an id.
func (t *names) Token(id int32) (name string, special, ok bool) {
	if id < 0 || int(id) >= len(t.tokens) {
		return "", false, false
	}
	k := t.tokens[id]
	return k.text, k.special, k.ok
}

// BOS begins a text.
func (t *names) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// EOS ends a text.
func (t *names) EOS() (int32, bool) { return t.eos, t.eos >= 0 }

// SetEnds says which ids begin and end a text; -1 for none.
func (t *names) SetEnds(bos, eos int32) error {
	for _, id := range []int32{bos, eos} {
		if _, _, ok := t.Token(id); !ok && id != -1 {
			return fault.Inputf("text.SetEnds", "id %d, want one of the vocabulary of %d", id, t.Vocab()).
				Next("take config.json and tokenizer.json from the same model")
		}
	}
	t.bos, t.eos = bos, eos
	return nil
}
