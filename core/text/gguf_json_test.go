package text

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"handful/core/fault"
)

// TestGGUFAsJSON: the tokenizer.json that is made of a GGUF vocabulary cuts and
// joins as the vocabulary's own rules do, for every preset.
func TestGGUFAsJSON(t *testing.T) {
	strs := jsonl[string](t, "strings.jsonl.gz")[:800]
	for pre, file := range map[string]string{"smollm": "", "gpt-2": "gpt2", "qwen2": "qwen2", "llama-bpe": "llama3"} {
		g := smollm2(t)
		if file != "" {
			g = vocabOf(t, file)
		}
		g.Pre = pre
		raw, config, err := g.JSON()
		if err != nil {
			t.Fatalf("%s: %v", pre, err)
		}
		got, err := FromJSON(raw)
		if err != nil {
			t.Fatalf("%s: %v", pre, err)
		}
		want := must(t)(FromGGUF(g))
		for _, s := range strs {
			if a, b := got.Encode(s), want.Encode(s); !slices.Equal(a, b) || got.Decode(a) != want.Decode(b) {
				t.Errorf("%s: %q is %v, want %v", pre, s, a, b)
				break
			}
		}
		var c map[string]any
		if err := json.Unmarshal(config, &c); err != nil || c["tokenizer_class"] == nil {
			t.Errorf("%s: config %s, %v", pre, config, err)
		}
	}
	if _, _, err := (GGUFVocab{Model: "llama"}).JSON(); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v", err)
	}
}

// vocabOf reads the vocabulary and merges of a tokenizer.json.
func vocabOf(t *testing.T, name string) GGUFVocab {
	raw, err := os.ReadFile("testdata/" + name + ".tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Model struct {
			Vocab  map[string]int
			Merges []json.RawMessage
		}
		Added []struct {
			ID      int
			Content string
			Special bool
		} `json:"added_tokens"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	g := GGUFVocab{Model: "gpt2", BOS: -1, EOS: -1}
	set := func(id int, name string, kind int32) {
		for len(g.Tokens) <= id {
			g.Tokens, g.TokenTypes = append(g.Tokens, ""), append(g.TokenTypes, 1)
		}
		g.Tokens[id], g.TokenTypes[id] = name, kind
	}
	for k, id := range f.Model.Vocab {
		set(id, k, 1)
	}
	for _, a := range f.Added {
		kind := int32(ggufUserDefined)
		if a.Special {
			kind = ggufControl
		}
		set(a.ID, a.Content, kind)
	}
	for _, m := range f.Model.Merges {
		var pair []string
		var one string
		if json.Unmarshal(m, &pair) == nil {
			one = pair[0] + " " + pair[1]
		} else if err := json.Unmarshal(m, &one); err != nil {
			t.Fatal(err)
		}
		g.Merges = append(g.Merges, one)
	}
	return g
}
