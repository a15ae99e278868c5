package text

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

// t5GGUF is the small T5's vocabulary as llama.cpp's converter writes it for an
// embedding of so many rows, with or without an added_tokens.json of 5 sentinels.
func t5GGUF(t testing.TB, added bool, rows int) GGUFVocab {
	t.Helper()
	f := spFile{}
	if err := f.read("test", spBytes(t, "t5")); err != nil {
		t.Fatal(err)
	}
	g := GGUFVocab{Model: "t5", Pre: "default", Charsmap: f.charsmap, SpacePrefix: true, TrimSpaces: true, BOS: -1, EOS: 1}
	kinds := map[pieceKind]int32{normalPiece: 1, unknownPiece: ggufUnknown, controlPiece: ggufControl, bytePiece: ggufByte}
	put := func(name string, score float64, kind int32) {
		g.Tokens, g.Scores, g.TokenTypes = append(g.Tokens, name), append(g.Scores, score), append(g.TokenTypes, kind)
	}
	for _, p := range f.pieces {
		put(p.text, p.score, kinds[p.kind])
	}
	for i := 4; added && i >= 0; i-- {
		put(fmt.Sprintf("<extra_id_%d>", i), -1000, ggufUserDefined)
	}
	for len(g.Tokens) < rows {
		put(fmt.Sprintf("[PAD%d]", len(g.Tokens)), -10000, ggufUnused)
	}
	return g
}

func fromGGUF(t testing.TB, g GGUFVocab) Tokenizer {
	t.Helper()
	tok, err := FromGGUF(g)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// A T5's tokenizer out of a GGUF file is that of its tokenizer.json: HF's ids of
// all strings are in TestGoldenUnigram. Without added_tokens.json the converter
// drops the sentinels; their places are known.
func TestT5FromGGUF(t *testing.T) {
	want := fromJSON(t, withCharsmap(t, "t5_words"))
	tok := fromGGUF(t, t5GGUF(t, true, 1024))
	if tok.Vocab() != want.Vocab() {
		t.Errorf("%d tokens, want %d", tok.Vocab(), want.Vocab())
	}
	if id, ok := tok.EOS(); !ok || id != 1 {
		t.Errorf("EOS is %d, %v", id, ok)
	}
	n := want.Vocab() - 5
	dropped := fromGGUF(t, t5GGUF(t, false, n+128))
	if dropped.Vocab() != n+100 {
		t.Errorf("%d tokens, want 100 sentinels behind %d pieces", dropped.Vocab(), n)
	}
	for name, id := range map[string]int32{"<extra_id_0>": int32(n + 99), "<extra_id_99>": int32(n)} {
		if got, ok := dropped.ID(name); !ok || got != id {
			t.Errorf("%s is %d, want %d", name, got, id)
		}
	}
	for _, s := range jsonl[string](t, "strings.jsonl.gz")[:400] {
		if !strings.Contains(s, "<extra_id") && !slices.Equal(dropped.Encode(s), want.Encode(s)) {
			t.Errorf("%q is %v, want %v", s, dropped.Encode(s), want.Encode(s))
		}
	}
	if few := fromGGUF(t, t5GGUF(t, false, n+99)); few.Vocab() != n {
		t.Errorf("%d tokens where there is no room for sentinels, want %d", few.Vocab(), n)
	}
	plain := t5GGUF(t, true, 0)
	plain.Charsmap = nil
	if got := fromGGUF(t, plain); got.Decode(got.Encode("ﬁ a")) == want.Decode(want.Encode("ﬁ a")) {
		t.Error("without a charsmap text is normalised")
	}
}

// TestT5AsJSON: the tokenizer.json of a T5 in a GGUF file is the same tokenizer.
func TestT5AsJSON(t *testing.T) {
	g := t5GGUF(t, true, 1024)
	bytes := t5GGUF(t, true, 0)
	for b := range 256 {
		if b != 0xf0 {
			bytes.Tokens, bytes.Scores, bytes.TokenTypes = append(bytes.Tokens, byteName(byte(b))), append(bytes.Scores, -20), append(bytes.TokenTypes, ggufByte)
		}
	}
	for name, g := range map[string]GGUFVocab{"t5": g, "with bytes": bytes} {
		raw, config, err := g.JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, want := fromJSON(t, raw), fromGGUF(t, g)
		for _, s := range jsonl[string](t, "strings.jsonl.gz")[:800] {
			if a, b := got.Encode(s), want.Encode(s); !slices.Equal(a, b) || got.Decode(a) != want.Decode(b) {
				t.Fatalf("%s: %q is %v, want %v", name, s, a, b)
			}
		}
		if !strings.Contains(string(config), `"T5TokenizerFast"`) || !strings.Contains(string(raw), `"TemplateProcessing"`) {
			t.Errorf("%s: %s", name, config)
		}
	}
}

func TestT5GGUFFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*GGUFVocab)
		kind fault.Kind
		says string
	}{
		{"no scores", func(g *GGUFVocab) { g.Scores = nil }, fault.Input, "0 scores"},
		{"types short", func(g *GGUFVocab) { g.TokenTypes = g.TokenTypes[1:] }, fault.Input, "token types"},
		{"no unknown piece", func(g *GGUFVocab) { g.TokenTypes[2] = 1 }, fault.Input, "unk_id -1"},
		{"spaces kept", func(g *GGUFVocab) { g.TrimSpaces = false }, fault.Unsupported, "remove_extra_whitespaces"},
		{"no prefix", func(g *GGUFVocab) { g.SpacePrefix = false }, fault.Unsupported, "add_space_prefix"},
		{"a cut map", func(g *GGUFVocab) { g.Charsmap = g.Charsmap[:9] }, fault.Input, "precompiled_charsmap"},
		{"an end outside", func(g *GGUFVocab) { g.EOS = 1 << 20 }, fault.Input, "id 1048576"},
		{"only padding", func(g *GGUFVocab) {
			g.Tokens, g.Scores, g.TokenTypes = []string{"[PAD0]"}, []float64{0}, []int32{ggufUnused}
		}, fault.Input, "empty"},
	} {
		g := t5GGUF(t, true, 1024)
		c.edit(&g)
		if _, err := FromGGUF(g); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.says)
		}
	}
}
