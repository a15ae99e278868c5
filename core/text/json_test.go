package text

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"handful/core/fault"
)

const level = `{"type":"ByteLevel","add_prefix_space":false}`

// small is a tokenizer.json whose parts can be put in.
func small(parts map[string]string) string {
	all := map[string]string{
		"model":         `{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`,
		"pre_tokenizer": level,
		"decoder":       `{"type":"ByteLevel"}`,
	}
	for k, v := range parts {
		all[k] = v
	}
	raw := map[string]json.RawMessage{}
	for k, v := range all {
		raw[k] = json.RawMessage(v)
	}
	b, err := json.Marshal(raw)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestFromJSONFaults(t *testing.T) {
	seq := func(steps string) string { return `{"type":"Sequence","pretokenizers":[` + steps + `]}` }
	split := func(pattern, behaviour string) map[string]string {
		return map[string]string{"pre_tokenizer": seq(`{"type":"Split","pattern":` + pattern + `,"behavior":"` + behaviour + `"},` + level)}
	}
	deep := strings.Repeat(`{"type":"Sequence","normalizers":[`, 20) + `null` + strings.Repeat(`]}`, 20)
	for _, c := range []struct {
		name, in string
		kind     fault.Kind
		says     string
	}{
		{"empty", "", fault.Input, "tokenizer.json"},
		{"html", "<html>", fault.Input, "tokenizer.json"},
		{"cut", small(nil)[:60], fault.Input, "tokenizer.json"},
		{"no model", `{}`, fault.Input, "no model"},
		{"list", `[]`, fault.Input, "tokenizer.json"},
		{"wordpiece", small(map[string]string{"model": `{"type":"WordPiece","vocab":{}}`}), fault.Unsupported, `"WordPiece"`},
		{"no vocab", small(map[string]string{"model": `{"type":"BPE"}`}), fault.Input, "empty"},
		{"vocab of words", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":"b"}}`}), fault.Input, "model"},
		{"huge id", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":2000000000}}`}), fault.Input, "2000000000"},
		{"id over 32 bits", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":99999999999}}`}), fault.Input, "99999999999"},
		{"negative id", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":-1}}`}), fault.Input, "-1"},
		{"id twice", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0,"b":0}}`}), fault.Input, "both"},
		{"merge of three", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"merges":["a a a"]}`}), fault.Input, "a a a"},
		{"merge of one", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}`}), fault.Input, "two tokens"},
		{"merge of numbers", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"merges":[7]}`}), fault.Input, "two tokens"},
		{"merge of strangers", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"merges":["a a"]}`}), fault.Input, `"aa"`},
		{"unk of strangers", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"unk_token":"?"}`}), fault.Input, `"?"`},
		{"dropout", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"dropout":0.1}`}), fault.Unsupported, "dropout"},
		{"prefix", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"continuing_subword_prefix":"##"}`}), fault.Unsupported, "##"},
		{"suffix", small(map[string]string{"model": `{"type":"BPE","vocab":{"a":0},"end_of_word_suffix":"</w>"}`}), fault.Unsupported, "</w>"},
		{"added without id", small(map[string]string{"added_tokens": `[{"content":"x"}]`}), fault.Input, "no id"},
		{"added elsewhere", small(map[string]string{"added_tokens": `[{"id":7,"content":"a"}]`}), fault.Input, "two ids"},
		{"lowercase", small(map[string]string{"normalizer": `{"type":"Lowercase"}`}), fault.Unsupported, `"Lowercase"`},
		{"deep", small(map[string]string{"normalizer": deep}), fault.Unsupported, "sequences"},
		{"no pre_tokenizer", small(map[string]string{"pre_tokenizer": `null`}), fault.Unsupported, "pre_tokenizer"},
		{"metaspace", small(map[string]string{"pre_tokenizer": `{"type":"Metaspace"}`}), fault.Unsupported, `"Metaspace"`},
		{"nothing in sequence", small(map[string]string{"pre_tokenizer": seq("")}), fault.Unsupported, "without steps"},
		{"bytes first", small(map[string]string{"pre_tokenizer": seq(level + `,{"type":"Digits"}`)}), fault.Unsupported, "last"},
		{"no bytes", small(map[string]string{"pre_tokenizer": seq(`{"type":"Digits"}`)}), fault.Unsupported, "last"},
		{"byte level without prefix", small(map[string]string{"pre_tokenizer": `{"type":"ByteLevel"}`}), fault.Input, "add_prefix_space"},
		{"bad pattern", small(split(`{"Regex":"(a"}`, "Isolated")), fault.Unsupported, "(a"},
		{"possessive", small(split(`{"Regex":"a++b"}`, "Isolated")), fault.Unsupported, "a++b"},
		{"ruby's own", small(split(`{"Regex":"[a-z&&[aeiou]]"}`, "Isolated")), fault.Unsupported, "&&"},
		{"no pattern", small(split(`{}`, "Isolated")), fault.Input, "pattern"},
		{"long pattern", small(split(`{"Regex":"`+strings.Repeat("a", patternBytes+1)+`"}`, "Isolated")), fault.Unsupported, "at most"},
		{"behaviour", small(split(`{"String":"a"}`, "Sideways")), fault.Unsupported, "Sideways"},
		{"decoder", small(map[string]string{"decoder": `{"type":"Metaspace"}`}), fault.Unsupported, `"Metaspace"`},
	} {
		_, err := FromJSON([]byte(c.in))
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.says)
		}
	}
	for name, in := range map[string]string{
		"as it is":       small(nil),
		"no decoder":     small(map[string]string{"decoder": `null`}),
		"decoder in one": small(map[string]string{"decoder": `{"type":"Sequence","decoders":[{"type":"ByteLevel"}]}`}),
		"old model":      small(map[string]string{"model": `{"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}`}),
		"pattern":        small(split(`{"Regex":"^a"}`, "Isolated")),
	} {
		tok, err := FromJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := tok.Decode(tok.Encode("abba")); got != "abba" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFromGGUFFaults(t *testing.T) {
	change := func(f func(*GGUFVocab)) GGUFVocab {
		g := everyByte("gpt-2")
		f(&g)
		return g
	}
	for _, c := range []struct {
		name string
		g    GGUFVocab
		kind fault.Kind
		says string
	}{
		{"sentencepiece", change(func(g *GGUFVocab) { g.Model = "llama" }), fault.Unsupported, `"llama"`},
		{"unknown pre", change(func(g *GGUFVocab) { g.Pre = "tekken" }), fault.Unsupported, `"tekken"`},
		{"no tokens", change(func(g *GGUFVocab) { g.Tokens = nil }), fault.Input, "empty"},
		{"types short", change(func(g *GGUFVocab) { g.TokenTypes = []int32{1} }), fault.Input, "token types"},
		{"twice", change(func(g *GGUFVocab) { g.Tokens[7] = g.Tokens[8] }), fault.Input, "two ids"},
		{"not UTF-8", change(func(g *GGUFVocab) { g.Tokens[7] = "\xff" }), fault.Input, "UTF-8"},
		{"merge", change(func(g *GGUFVocab) { g.Merges[0] = "th" }), fault.Input, "merge 0"},
		{"eos", change(func(g *GGUFVocab) { g.EOS = 9999 }), fault.Input, "9999"},
	} {
		_, err := FromGGUF(c.g)
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.kind, c.says)
		}
	}
}

// A malformed file never panics, and what loads can encode and decode.
func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(small(nil)))
	f.Add([]byte(small(map[string]string{"added_tokens": `[{"id":3,"content":"<x>","special":true,"lstrip":true}]`, "normalizer": `{"type":"NFC"}`})))
	f.Add([]byte(uni(nil)))
	for _, name := range []string{"odd", "fallback", "meta_bytes"} {
		b, err := os.ReadFile("testdata/" + name + ".tokenizer.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := FromJSON(b)
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatal(err)
			}
			return
		}
		check(t, tok, "ab <x> the\n\n 12 é😀")
		if n := tok.Vocab(); n > maxID(len(b))+1 {
			t.Fatalf("%d bytes made a table of %d tokens", len(b), n)
		}
	})
}
