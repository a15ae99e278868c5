package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
)

// Unigram is a vocabulary of pieces with log probabilities: a text is cut into
// the pieces whose sum is largest.
type Unigram struct {
	names
	score   []float64 // by id
	pieces  *trie
	unk     int32       // for characters that no piece has, one for a run of them
	unkCost float64     // score of such a character
	bytes   *[256]int32 // <0xNN> tokens for them; nil: none
	single  bool        // sums are rounded to float32, as sentencepiece's are
	whole   []bool      // by id: sentencepiece's user-defined pieces, which are never cut
	most    float64     // the largest score

	normal      normals
	before      func(s string, first bool) []string // what is encoded by itself: words, or the whole
	raw, normed *finds
	decode      decoding
	cache       wordCache
}

// decoding is how pieces become text.
type decoding struct {
	bytes   bool // <0xNN> is a byte
	leading      // of the first piece
}

// leading tells which spaces a text doesn't begin with.
type leading int

const (
	keepSpaces leading = iota
	dropSpaces         // all of the first piece
	dropOne            // one
)

// unkPenalty is how much less likely than any piece an unknown character is.
const unkPenalty = 10

// piece is an entry of a Unigram vocabulary; its id is its place.
type piece struct {
	text  string
	score float64
	kind  pieceKind
}

type pieceKind int

const (
	normalPiece  pieceKind = iota
	controlPiece           // never found in a text
	userPiece              // sentencepiece's user-defined
	bytePiece              // <0xNN>
	unusedPiece            // never made
	unknownPiece           // for characters that no piece has
)

// maxScore bounds a score: sums of them stay finite.
const maxScore = 1e6

func newUnigram(op string, pieces []piece, added []addedToken, unk int, fallback bool) (*Unigram, error) {
	count := len(pieces) + len(added)
	t := &Unigram{names: newNames(count), unk: int32(unk)}
	if len(pieces) == 0 {
		return nil, fault.Inputf(op, "the vocabulary is empty")
	}
	if unk < 0 || unk >= len(pieces) {
		return nil, fault.Inputf(op, "unk_id %d, want one of %d pieces", unk, len(pieces))
	}
	least, found := math.Inf(1), map[string]int32{}
	t.most = math.Inf(-1)
	for i, p := range pieces {
		if p.text == "" || !utf8.ValidString(p.text) {
			return nil, fault.Inputf(op, "piece %d is %q, want text", i, p.text)
		}
		if !(math.Abs(p.score) <= maxScore) {
			return nil, fault.Inputf(op, "piece %d (%q) has the score %v, want a number to ±%g", i, p.text, p.score, float64(maxScore))
		}
		if err := t.put(op, count, p.text, int32(i), p.kind == controlPiece || p.kind == unknownPiece); err != nil {
			return nil, err
		}
		t.score = append(t.score, p.score)
		t.whole = append(t.whole, p.kind == userPiece)
		if p.kind == normalPiece || p.kind == userPiece {
			found[p.text] = int32(i)
		}
		if p.kind == normalPiece {
			least, t.most = min(least, p.score), max(t.most, p.score)
		}
	}
	for _, a := range added {
		if err := t.put(op, count, a.content, a.id, a.special); err != nil {
			return nil, err
		}
	}
	t.pieces, t.unkCost = newTrie(found), least-unkPenalty
	if fallback {
		t.bytes = &[256]int32{}
		for b := range t.bytes {
			id, ok := t.ids[byteName(byte(b))]
			if !ok {
				id = -1
			}
			t.bytes[b] = id
		}
	}
	return t, nil
}

func byteName(b byte) string { return fmt.Sprintf("<0x%02X>", b) }

// byteOf reads <0xNN>.
func byteOf(name string) (byte, bool) {
	if len(name) != 6 || !strings.HasPrefix(name, "<0x") || name[5] != '>' {
		return 0, false
	}
	n, err := strconv.ParseUint(name[3:5], 16, 8)
	return byte(n), err == nil
}

// Encode gives the ids of s; special tokens named in s are found.
func (t *Unigram) Encode(s string) []int32 { return t.encode(s, false) }

// EncodePlain gives the ids of s; names of special tokens are mere characters,
// also where one is a piece of the vocabulary.
func (t *Unigram) EncodePlain(s string) []int32 { return t.encode(s, true) }

func (t *Unigram) encode(s string, plain bool) []int32 {
	var out []int32
	first := true // nothing stands before what comes next
	token := func(id int32) { out, first = append(out, id), false }
	words := func(s string) {
		for _, w := range t.before(s, first) {
			if plain {
				out = append(out, t.cut(w, true)...)
			} else {
				out = t.cache.append(out, w, func(w string) []int32 { return t.cut(w, false) })
			}
		}
		first = false
	}
	t.raw.split(s, plain, func(s string) {
		t.normed.split(t.normal.apply(s), plain, words, token)
	}, token)
	return out
}

// best is the end of the best way to a place in a word.
type best struct {
	score float64
	from  int32 // -1: no way
	id    int32 // -1: an unknown character
}

// cut gives the pieces of a word by the way of the largest sum (tokenizers
// unigram/model.rs, encode_optimized; sentencepiece unigram_model.cc,
// EncodeOptimized). With plain special pieces don't count.
func (t *Unigram) cut(w string, plain bool) []int32 {
	ends := make([]best, len(w)+1)
	for i := range ends {
		ends[i].from = -1
	}
	for at, size := 0, 0; at < len(w); at += size {
		_, size = utf8.DecodeRuneInString(w[at:])
		here, known := ends[at].score, false
		reach := func(length int, id int32, score float64) {
			sum := score + here
			if t.single {
				sum = float64(float32(sum))
			}
			if e := &ends[at+length]; e.from < 0 || sum > e.score {
				*e = best{sum, int32(at), id}
			}
		}
		t.pieces.prefixes(w[at:], func(length int, id int32) {
			if plain && t.tokens[id].special {
				return
			}
			score := t.score[id]
			if t.whole[id] {
				score = float64(length)*t.most - 0.1
			}
			reach(length, id, score)
			known = known || length == size
		})
		if !known {
			reach(size, -1, t.unkCost)
		}
	}
	return t.trace(w, ends)
}

// trace reads the way back from the end. Unknown characters become bytes, or
// one unknown token for a run of them.
func (t *Unigram) trace(w string, ends []best) []int32 {
	var back []best // last first; score is unused
	for at := len(w); at > 0; at = int(ends[at].from) {
		back = append(back, best{from: ends[at].from, id: ends[at].id, score: float64(at)})
	}
	out := make([]int32, 0, len(back))
	for i := len(back) - 1; i >= 0; i-- {
		if back[i].id >= 0 && back[i].id != t.unk {
			out = append(out, back[i].id)
			continue
		}
		lo := back[i].from
		for i > 0 && (back[i-1].id < 0 || back[i-1].id == t.unk) {
			i--
		}
		out = t.unknown(out, w[lo:int(back[i].score)])
	}
	return out
}

// unknown adds what stands for characters that no piece has.
func (t *Unigram) unknown(out []int32, s string) []int32 {
	n := len(out)
	for i := 0; t.bytes != nil && i < len(s); i++ {
		id := t.bytes[s[i]]
		if id < 0 {
			return append(out[:n], t.unk)
		}
		out = append(out, id)
	}
	if t.bytes != nil {
		return out
	}
	return append(out, t.unk)
}

// Decode gives the text of ids, special tokens by name.
func (t *Unigram) Decode(ids []int32) string { return t.text(ids, false) }

// DecodePlain gives the text of ids without special tokens.
func (t *Unigram) DecodePlain(ids []int32) string { return t.text(ids, true) }

func (t *Unigram) text(ids []int32, plain bool) string {
	var b []byte
	first := true
	for _, id := range ids {
		_, special, ok := t.Token(id)
		if !ok || plain && special {
			continue
		}
		if first {
			b = append(b, t.First(id)...)
		} else {
			b = append(b, t.Bytes(id)...)
		}
		first = false
	}
	s, _ := toText(b, true)
	return s
}

// Bytes is what id adds to a text that has begun; nil for an id that isn't there.
func (t *Unigram) Bytes(id int32) []byte {
	name, _, _ := t.Token(id)
	if b, ok := byteOf(name); ok && t.decode.bytes {
		return []byte{b}
	}
	return []byte(unmeta(name))
}

// First is what id adds as the first of a text.
func (t *Unigram) First(id int32) []byte {
	name, _, _ := t.Token(id)
	switch t.decode.leading {
	case dropSpaces:
		return []byte(strings.ReplaceAll(name, meta, ""))
	case dropOne:
		return []byte(strings.TrimPrefix(string(t.Bytes(id)), " "))
	}
	return t.Bytes(id)
}
