package text

import (
	"bytes"
	"encoding/base64"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"handful/core/fault"
)

// spBytes is a spiece.model of testdata.
func spBytes(t testing.TB, name string) []byte { return gunzip(t, name+".spiece.model.gz") }

// charsmapOf is a spiece.model's precompiled_charsmap.
func charsmapOf(t testing.TB, b []byte) []byte {
	t.Helper()
	var f spFile
	if err := f.read("test", b); err != nil {
		t.Fatal(err)
	}
	return f.charsmap
}

// withCharsmap is a tokenizer.json of testdata, which leaves the map out.
func withCharsmap(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(b, []byte("CHARSMAP"), []byte(base64.StdEncoding.EncodeToString(charsmapOf(t, spBytes(t, "t5")))))
}

func fromSP(t testing.TB, name string, extra int) *Unigram {
	t.Helper()
	u, err := FromSentencePiece(spBytes(t, name), extra)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestGoldenUnigram holds encoding and decoding against HF tokenizers and
// sentencepiece (testdata/make_unigram.py).
func TestGoldenUnigram(t *testing.T) {
	strs := append(jsonl[string](t, "strings.jsonl.gz"), jsonl[string](t, "strings_t5.jsonl.gz")...)
	for _, c := range []struct {
		name    string
		tok     Tokenizer
		strings int
	}{
		{"t5_words", fromJSON(t, withCharsmap(t, "t5_words")), 2300},
		{"t5_words", fromGGUF(t, t5GGUF(t, true, 1024)), 2300},
		{"t5_converted", fromJSON(t, withCharsmap(t, "t5_converted")), 2300},
		{"meta_first", fromJSON(t, withCharsmap(t, "meta_first")), 800},
		{"meta_bytes", fromJSON(t, withCharsmap(t, "meta_bytes")), 800},
		{"t5_spiece", fromSP(t, "t5", 5), 2300},
		{"odd_spiece", fromSP(t, "odd", 0), 2300},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, encoded, bad := jsonl[goldenRow](t, c.name+".jsonl.gz"), 0, 0
			fail := func(format string, args ...any) {
				if bad++; bad <= 8 {
					t.Errorf(format, args...)
				}
			}
			for _, r := range rows {
				if r.N >= 0 {
					encoded++
					s := strs[r.N]
					if got := c.tok.Encode(s); !slices.Equal(got, r.IDs) {
						fail("Encode(%q)\n got %v\nwant %v", s, got, r.IDs)
					}
					plain := r.IDs
					if r.Plain != nil {
						plain = *r.Plain
					}
					if got := c.tok.EncodePlain(s); !slices.Equal(got, plain) {
						fail("EncodePlain(%q)\n got %v\nwant %v", s, got, plain)
					}
				}
				if r.All == nil {
					continue
				}
				text := *r.All
				if r.Text != nil {
					text = *r.Text
				}
				for _, d := range []struct {
					want, got string
					plain     bool
				}{{*r.All, c.tok.Decode(r.IDs), false}, {text, c.tok.DecodePlain(r.IDs), true}} {
					if d.got != d.want {
						fail("Decode(%v), plain %v\n got %q\nwant %q", r.IDs, d.plain, d.got, d.want)
					}
					if got := streamed(t, c.tok, r.IDs, d.plain); got != d.want {
						fail("streamed %v, plain %v\n got %q\nwant %q", r.IDs, d.plain, got, d.want)
					}
				}
			}
			if bad > 0 || encoded < c.strings {
				t.Fatalf("%d of %d rows differ; %d strings, want at least %d", bad, len(rows), encoded, c.strings)
			}
		})
	}
}

// Plain text can't name a special token, also where the vocabulary has its name
// as a piece; the same text read for names can.
func TestUnigramPlain(t *testing.T) {
	for name, tok := range map[string]Tokenizer{"json": fromJSON(t, withCharsmap(t, "t5_words")), "spiece": fromSP(t, "t5", 5)} {
		end, _ := tok.ID("</s>")
		if got := tok.Encode("a</s>b"); !slices.Contains(got, end) {
			t.Errorf("%s: %v has no end token", name, got)
		}
		for _, id := range tok.EncodePlain("a</s>b <extra_id_0> <pad> </s> x") {
			if text, special, _ := tok.Token(id); special && text != "<unk>" {
				t.Errorf("%s: plain text gives %q", name, text)
			}
		}
	}
}

// The tokens of a T5: what begins and ends, and sentinels from the top down.
func TestT5Tokens(t *testing.T) {
	u := fromSP(t, "t5", 5)
	n := int32(u.Vocab())
	for name, want := range map[string]int32{"<pad>": 0, "</s>": 1, "<unk>": 2, "<extra_id_0>": n - 1, "<extra_id_4>": n - 5} {
		if id, ok := u.ID(name); !ok || id != want {
			t.Errorf("%s is %d, want %d", name, id, want)
		}
		if _, special, _ := u.Token(want); !special {
			t.Errorf("%s is not special", name)
		}
	}
	if id, ok := u.EOS(); !ok || id != 1 {
		t.Errorf("EOS is %d, %v", id, ok)
	}
	if _, ok := u.BOS(); ok {
		t.Error("there is a BOS")
	}
	if got := u.Decode(u.Encode("The weather is lovely.")); got != "The weather is lovely." {
		t.Errorf("there and back: %q", got)
	}
}

const (
	metaOf = `{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}`
	uniOf  = `{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁a",-1.5],["b",-2],["▁",-3]]}`
	spaced = `{"type":"Replace","pattern":{"String":"▁"},"content":" "}`
)

// uni is a tokenizer.json of a Unigram whose parts can be put in.
func uni(parts map[string]string) string {
	all := map[string]string{"model": uniOf, "pre_tokenizer": metaOf, "decoder": metaOf}
	for k, v := range parts {
		all[k] = v
	}
	return small(all)
}

func TestUnigramJSONFaults(t *testing.T) {
	seq := func(key, steps string) string { return `{"type":"Sequence","` + key + `":[` + steps + `]}` }
	for _, c := range []struct {
		name string
		in   map[string]string
		kind fault.Kind
		says string
	}{
		{"no unk", map[string]string{"model": `{"type":"Unigram","vocab":[["a",0]]}`}, fault.Unsupported, "unk_id"},
		{"unk outside", map[string]string{"model": `{"type":"Unigram","unk_id":4,"vocab":[["a",0]]}`}, fault.Input, "unk_id 4"},
		{"negative unk", map[string]string{"model": `{"type":"Unigram","unk_id":-1,"vocab":[["a",0]]}`}, fault.Input, "unk_id -1"},
		{"no vocab", map[string]string{"model": `{"type":"Unigram","unk_id":0}`}, fault.Input, "empty"},
		{"a vocab of words", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":{"a":0}}`}, fault.Input, "model"},
		{"a piece alone", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":[["a"]]}`}, fault.Input, "a piece and its score"},
		{"a score of text", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":[["a","b"]]}`}, fault.Input, "a piece and its score"},
		{"a large score", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":[["a",-1e300]]}`}, fault.Input, "-1e+300"},
		{"an empty piece", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":[["",0]]}`}, fault.Input, "piece 0"},
		{"a piece twice", map[string]string{"model": `{"type":"Unigram","unk_id":0,"vocab":[["a",0],["a",-1]]}`}, fault.Input, "two ids"},
		{"lowercase", map[string]string{"normalizer": `{"type":"Lowercase"}`}, fault.Unsupported, `"Lowercase"`},
		{"a map that is no base64", map[string]string{"normalizer": `{"type":"Precompiled","precompiled_charsmap":"*"}`}, fault.Input, "Precompiled"},
		{"no map", map[string]string{"normalizer": `{"type":"Precompiled","precompiled_charsmap":null}`}, fault.Input, "precompiled_charsmap of 0 bytes"},
		{"a map that is cut", map[string]string{"normalizer": `{"type":"Precompiled","precompiled_charsmap":"/////wAAAAA="}`}, fault.Input, "a trie of"},
		{"replace what", map[string]string{"normalizer": `{"type":"Replace","pattern":{},"content":"x"}`}, fault.Input, "Replace: pattern"},
		{"replace Ruby's", map[string]string{"normalizer": `{"type":"Replace","pattern":{"Regex":"[[:alpha:]]"},"content":"x"}`}, fault.Unsupported, "[["},
		{"no pre_tokenizer", map[string]string{"pre_tokenizer": `null`}, fault.Unsupported, "no pre_tokenizer"},
		{"bytes", map[string]string{"pre_tokenizer": level}, fault.Unsupported, "ByteLevel"},
		{"metaspace first", map[string]string{"pre_tokenizer": seq("pretokenizers", metaOf+`,{"type":"WhitespaceSplit"}`)}, fault.Unsupported, "step 1 of 2"},
		{"words alone", map[string]string{"pre_tokenizer": `{"type":"WhitespaceSplit"}`}, fault.Unsupported, "WhitespaceSplit"},
		{"nothing in sequence", map[string]string{"pre_tokenizer": seq("pretokenizers", "")}, fault.Unsupported, "without steps"},
		{"another replacement", map[string]string{"pre_tokenizer": `{"type":"Metaspace","replacement":"_"}`}, fault.Unsupported, `"_"`},
		{"another scheme", map[string]string{"pre_tokenizer": `{"type":"Metaspace","replacement":"▁","prepend_scheme":"last"}`}, fault.Unsupported, `"last"`},
		{"first of words", map[string]string{"pre_tokenizer": seq("pretokenizers", `{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}`)}, fault.Unsupported, "behind WhitespaceSplit"},
		{"no decoder", map[string]string{"decoder": `null`}, fault.Unsupported, "no decoder"},
		{"decoder of bytes", map[string]string{"decoder": `{"type":"ByteLevel"}`}, fault.Unsupported, `"ByteLevel"`},
		{"strip of pieces", map[string]string{"decoder": seq("decoders", spaced+`,{"type":"Strip","content":" ","start":1,"stop":0}`)}, fault.Unsupported, `"Strip"`},
		{"bytes alone", map[string]string{"decoder": `{"type":"ByteFallback"}`}, fault.Unsupported, "ByteFallback"},
	} {
		_, err := FromJSON([]byte(uni(c.in)))
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.says)
		}
	}
	for name, c := range map[string]struct {
		in   map[string]string
		want string
	}{
		"as it is":          {nil, "ab b"},
		"old keys":          {map[string]string{"pre_tokenizer": `{"type":"Metaspace","replacement":"▁","add_prefix_space":true}`, "decoder": `{"type":"Metaspace","replacement":"▁","add_prefix_space":true}`}, "ab b"},
		"without a prefix":  {map[string]string{"pre_tokenizer": `{"type":"Metaspace","replacement":"▁","add_prefix_space":false}`, "decoder": `{"type":"Metaspace","replacement":"▁","add_prefix_space":false}`}, "<unk>b b"},
		"spaces as strings": {map[string]string{"decoder": seq("decoders", spaced)}, " ab b"},
	} {
		if got := fromJSON(t, []byte(uni(c.in))); got.Decode(got.Encode("ab b")) != c.want {
			t.Errorf("%s: %q, want %q", name, got.Decode(got.Encode("ab b")), c.want)
		}
	}
}

// message appends fields to a protobuf message.
type message []byte

func (m message) number(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(slices.Clip(m), field, protowire.VarintType), v)
}

func (m message) bytes(field protowire.Number, b string) message {
	return protowire.AppendString(protowire.AppendTag(slices.Clip(m), field, protowire.BytesType), b)
}

func TestSentencePieceFaults(t *testing.T) {
	whole := spBytes(t, "t5")
	one := message(nil).bytes(1, string(message(nil).bytes(1, "<unk>").number(3, 2)))
	for _, c := range []struct {
		name string
		in   []byte
		kind fault.Kind
		says string
	}{
		{"empty", nil, fault.Input, "empty"},
		{"text", []byte("<html>"), fault.Input, "bytes before the end"},
		{"cut", whole[:len(whole)-7], fault.Input, "bytes before the end"},
		{"BPE", one.bytes(2, string(message(nil).number(3, 2))), fault.Unsupported, "model_type 2"},
		{"suffix", one.bytes(2, string(message(nil).number(24, 1))), fault.Unsupported, "treat_whitespace_as_suffix"},
		{"rules", one.bytes(3, string(message(nil).bytes(6, "61 62"))), fault.Unsupported, "normalization_rule_tsv"},
		{"plain spaces", one.bytes(3, string(message(nil).number(5, 0))), fault.Unsupported, "escape_whitespaces"},
		{"a map that is cut", one.bytes(3, string(message(nil).bytes(2, "\xff\xff\x00\x00abc"))), fault.Input, "precompiled_charsmap"},
		{"an unknown type", one.bytes(1, string(message(nil).bytes(1, "x").number(3, 9))), fault.Unsupported, "type 9"},
		{"no unknown piece", message(nil).bytes(1, string(message(nil).bytes(1, "a"))), fault.Input, "unk_id -1"},
		{"a piece that is no text", one.bytes(1, string(message(nil).bytes(1, "\xff"))), fault.Input, "want text"},
		{"a piece twice", one.bytes(1, string(message(nil).bytes(1, "<unk>"))), fault.Input, "two ids"},
	} {
		_, err := FromSentencePiece(c.in, 3)
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.says)
		}
	}
	if u, err := FromSentencePiece(one.bytes(1, string(message(nil).bytes(1, "<extra_id_1>"))), 3); err != nil || u.Vocab() != 2 {
		t.Errorf("sentinels of its own: %v, %v", u, err)
	}
}

// A malformed file never panics, and what loads can encode and decode.
func FuzzSentencePiece(f *testing.F) {
	f.Add(spBytes(f, "odd"), "the <word> 12 é😀")
	f.Add([]byte(message(nil).bytes(1, string(message(nil).bytes(1, "<unk>").number(3, 2))).bytes(1, string(message(nil).bytes(1, "a").number(3, 4)))), "aa b")
	f.Fuzz(func(t *testing.T, b []byte, s string) {
		u, err := FromSentencePiece(b, 2)
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatal(err)
			}
			return
		}
		check(t, u, s)
	})
}

// check encodes and decodes a text of any kind.
func check(t *testing.T, tok Tokenizer, s string) {
	for _, ids := range [][]int32{tok.Encode(s), tok.EncodePlain(s)} {
		for _, id := range ids {
			if _, _, ok := tok.Token(id); !ok {
				t.Fatalf("id %d is not in the vocabulary", id)
			}
		}
		if got, want := streamed(t, tok, ids, false), tok.Decode(ids); got != want {
			t.Fatalf("streamed %q, want %q", got, want)
		}
	}
}

// A map of any bytes never panics, and gives text for text.
func FuzzCharsmap(f *testing.F) {
	f.Add(charsmapOf(f, spBytes(f, "t5"))[:4096], "ﬁ e\u0301")
	f.Add([]byte{8, 0, 0, 0, 0, 4, 0, 0, 0x61, 1, 0, 0, 'x', 0}, "aaa")
	f.Fuzz(func(t *testing.T, b []byte, s string) {
		m, err := newCharsmap("test", b)
		if err != nil {
			if !fault.Is(err, fault.Input) {
				t.Fatal(err)
			}
			return
		}
		m.byGraphemes(s)
		for at := range s {
			if _, n, ok := m.prefix(s[at:], true); ok && (n < 1 || n > len(s)-at) {
				t.Fatalf("a prefix of %d bytes", n)
			}
		}
	})
}

func TestTrie(t *testing.T) {
	pieces := map[string]int32{"a": 1, "ab": 2, "abc": 3, "b": 4, "▁": 5, "▁ab": 6, "\x00": 7, "\xff\x00": 8}
	tr := newTrie(pieces)
	for _, s := range []string{"", "abcd", "abd", "b", "▁abx", "▁b", "\x00a", "\xff\x00", "x"} {
		got := map[int]int32{}
		tr.prefixes(s, func(n int, id int32) { got[n] = id })
		want := map[int]int32{}
		for p, id := range pieces {
			if strings.HasPrefix(s, p) {
				want[len(p)] = id
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%q begins with %v, want %v", s, got, want)
		}
	}
}
