package text

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"handful/core/fault"
)

// spFile is what matters of sentencepiece_model.proto.
type spFile struct {
	pieces   []piece
	model    uint64 // TrainerSpec.model_type; 1: Unigram
	suffix   bool   // treat_whitespace_as_suffix
	fallback bool
	bos      int32
	eos      int32
	charsmap []byte
	tsv      []byte // rules that are not compiled
	dummy    bool   // add_dummy_prefix
	trim     bool   // remove_extra_whitespaces
	escape   bool   // escape_whitespaces
}

// FromSentencePiece makes a tokenizer of the bytes of sentencepiece's
// spiece.model, a Unigram, with so many extra ids behind its pieces, as
// transformers' T5Tokenizer has them: <extra_id_0> is the last.
func FromSentencePiece(data []byte, extra int) (*Unigram, error) {
	const op = "text.FromSentencePiece"
	f := spFile{model: 1, bos: 1, eos: 2, dummy: true, trim: true, escape: true} // the schema's defaults
	if err := f.read(op, data); err != nil {
		return nil, fault.Or(err, "get the file again")
	}
	switch {
	case f.model != 1:
		return nil, fault.Unsupportedf(op, "model_type %d, want 1 (Unigram)", f.model)
	case f.suffix:
		return nil, fault.Unsupportedf(op, "treat_whitespace_as_suffix is set")
	case len(f.tsv) > 0 && len(f.charsmap) == 0:
		return nil, fault.Unsupportedf(op, "normalization_rule_tsv, want a precompiled_charsmap")
	case !f.escape:
		return nil, fault.Unsupportedf(op, "escape_whitespaces is off")
	}
	unk := -1
	known := map[string]bool{}
	for i, p := range f.pieces {
		if known[p.text] = true; p.kind == unknownPiece {
			unk = i
		}
	}
	var added []addedToken
	for i := range extra {
		name := fmt.Sprintf("<extra_id_%d>", i)
		if known[name] {
			added = nil
			break
		}
		added = append(added, addedToken{id: int32(len(f.pieces) + extra - 1 - i), content: name, special: true})
	}
	for i, p := range f.pieces {
		if p.kind == controlPiece || p.kind == unknownPiece {
			added = append(added, addedToken{id: int32(i), content: p.text, special: true})
		}
	}
	t, err := newUnigram(op, f.pieces, added, unk, f.fallback)
	if err != nil {
		return nil, fault.Or(err, "get the file again")
	}
	n := spNormal{spFile: &f}
	if len(f.charsmap) > 0 {
		if n.rules, err = newCharsmap(op, f.charsmap); err != nil {
			return nil, err
		}
	}
	whole := map[string]int32{}
	for i, p := range f.pieces {
		if p.kind == userPiece {
			whole[p.text] = int32(i)
		}
	}
	if len(whole) > 0 {
		n.whole = newTrie(whole)
	}
	t.single, t.decode = true, decoding{bytes: f.fallback}
	if f.dummy {
		t.decode.leading = dropSpaces
	}
	t.before = func(s string, _ bool) []string { return []string{n.normalise(s)} }
	t.raw, t.normed = newFinds(added), newFinds(nil)
	for _, id := range []*int32{&f.bos, &f.eos} {
		if *id >= int32(len(f.pieces)) || *id >= 0 && f.pieces[*id].kind != controlPiece {
			*id = -1
		}
	}
	return t, t.SetEnds(f.bos, f.eos)
}

// fields calls f for each field of a message: v is a number's value, b the bytes
// of a text or a message.
func fields(op string, data []byte, f func(num protowire.Number, v uint64, b []byte) error) error {
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fault.Inputf(op, "%d bytes before the end: %w", len(data), protowire.ParseError(n))
		}
		data = data[n:]
		var v uint64
		var b []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(data)
			v = uint64(x)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(num, kind, data)
		}
		if n < 0 {
			return fault.Inputf(op, "%d bytes before the end: %w", len(data), protowire.ParseError(n))
		}
		data = data[n:]
		if err := f(num, v, b); err != nil {
			return err
		}
	}
	return nil
}

// spKinds are SentencePiece.Type's values.
var spKinds = map[uint64]pieceKind{1: normalPiece, 2: unknownPiece, 3: controlPiece, 4: userPiece, 5: unusedPiece, 6: bytePiece}

func (f *spFile) read(op string, data []byte) error {
	return fields(op, data, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			p, err := spPiece(op, b)
			f.pieces = append(f.pieces, p)
			return err
		case 2:
			return fields(op, b, func(num protowire.Number, v uint64, _ []byte) error {
				switch num {
				case 3:
					f.model = v
				case 24:
					f.suffix = v != 0
				case 35:
					f.fallback = v != 0
				case 41:
					f.bos = int32(v)
				case 42:
					f.eos = int32(v)
				}
				return nil
			})
		case 3:
			return fields(op, b, func(num protowire.Number, v uint64, b []byte) error {
				switch num {
				case 2:
					f.charsmap = b
				case 3:
					f.dummy = v != 0
				case 4:
					f.trim = v != 0
				case 5:
					f.escape = v != 0
				case 6:
					f.tsv = b
				}
				return nil
			})
		}
		return nil
	})
}

func spPiece(op string, data []byte) (p piece, err error) {
	err = fields(op, data, func(num protowire.Number, v uint64, b []byte) error {
		switch num {
		case 1:
			p.text = string(b)
		case 2:
			p.score = float64(math.Float32frombits(uint32(v)))
		case 3:
			kind, ok := spKinds[v]
			if !ok {
				return fault.Unsupportedf(op, "a piece of type %d, want 1 to 6", v)
			}
			p.kind = kind
		}
		return nil
	})
	return p, err
}

// spNormal is sentencepiece's normaliser (normalizer.cc, Normalize): rules for
// what is longest, spaces as ▁, no more than one and none at the ends.
type spNormal struct {
	*spFile
	rules *charsmap // nil: none
	whole *trie     // user-defined pieces, which stay as they are; nil: none
}

// next normalises what s begins with.
func (n *spNormal) next(s string) (to string, size int) {
	if n.whole != nil {
		if size, _ := n.whole.longest(s); size > 0 {
			return s[:size], size
		}
	}
	if n.rules != nil {
		if to, size, ok := n.rules.prefix(s, true); ok {
			return string(to), size
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(r), size
}

func (n *spNormal) normalise(s string) string {
	for n.trim && s != "" {
		to, size := n.next(s)
		if to != " " {
			break
		}
		s = s[size:]
	}
	if s == "" {
		return ""
	}
	var b bytes.Buffer
	if n.dummy {
		b.WriteString(meta)
	}
	space := n.trim // a space would follow another or stand at the beginning
	for s != "" {
		to, size := n.next(s)
		s = s[size:]
		for space && strings.HasPrefix(to, " ") {
			to = to[1:]
		}
		if to != "" {
			b.WriteString(strings.ReplaceAll(to, " ", meta))
			space = n.trim && strings.HasSuffix(to, " ")
		}
	}
	out := b.Bytes()
	for n.trim && bytes.HasSuffix(out, []byte(meta)) {
		out = out[:len(out)-len(meta)]
	}
	return string(out)
}
