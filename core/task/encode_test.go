package task

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/skill"
	"handful/core/text"
)

// letters is a vocabulary of one token a byte, and an end.
func letters(t testing.TB, end string, eos bool) text.Tokenizer {
	g := text.GGUFVocab{Model: "gpt2", Pre: "gpt-2", BOS: -1, EOS: -1}
	next := rune(256) // bytes that don't print are U+0100 and on, in order
	for r := range rune(256) {
		if r < '!' || r > '~' && r < 0xa1 || r == 0xad {
			r, next = next, next+1
		}
		g.Tokens = append(g.Tokens, string(r))
	}
	g.TokenTypes = append(make([]int32, 256), 3)
	g.Tokens = append(g.Tokens, end)
	if eos {
		g.EOS = 256
	}
	tok, err := text.FromGGUF(g)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func shipped(t testing.TB) *Template {
	tpl, err := NewTemplate(skill.DefaultPrompt())
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestEncode(t *testing.T) {
	tok, tpl := letters(t, "<|im_end|>", false), shipped(t)
	ex := Example{Input: "ab", Output: "yes", Options: []string{"yes", "no"}, TaskID: 4, Line: 9}
	r, err := Encode(tok, tpl, "Do.", ex, Limits{Tokens: 100, Vocab: 257})
	if err != nil {
		t.Fatal(err)
	}
	prompt := "Do.\nInput: ab\nOptions: yes; no\nOutput:"
	if got := tok.Decode(r.IDs); got != prompt+" yes<|im_end|>" {
		t.Errorf("ids are %q", got)
	}
	if r.Prompt != len(prompt) || r.TaskID != 4 || r.Line != 9 || r.Cut != 0 || len(r.Labels) != len(r.IDs) {
		t.Errorf("row %+v", r)
	}
	for i, y := range r.Labels {
		if want := int32(-100); i < r.Prompt && y != want || i >= r.Prompt && y != r.IDs[i] {
			t.Errorf("label %d is %d", i, y)
		}
	}
	// Prompt and answer are encoded apart: no token reaches over the border.
	if !reflect.DeepEqual(r.IDs[:r.Prompt], tok.Encode(prompt)) {
		t.Error("the prompt's ids depend on the answer")
	}
}

func TestFault36EncodeCutsTheInputsFront(t *testing.T) {
	tok, tpl := letters(t, "<|im_end|>", false), shipped(t)
	ex := Example{Input: "0123456789é😀xyz", Output: "yes", Options: []string{"yes"}, Line: 3}
	whole, err := Encode(tok, tpl, "Do.", ex, Limits{Vocab: 257})
	if err != nil {
		t.Fatal(err)
	}
	around := len("Do.\nInput: \nOptions: yes\nOutput: yes") + 1
	for limit := len(whole.IDs) + 1; limit >= around; limit-- {
		r, err := Encode(tok, tpl, "Do.", ex, Limits{Tokens: limit, Vocab: 257, Truncate: true})
		if err != nil {
			t.Fatal(err)
		}
		got := tok.Decode(r.IDs)
		input, ok := strings.CutPrefix(got, "Do.\nInput: ")
		input, ok2 := strings.CutSuffix(input, "\nOptions: yes\nOutput: yes<|im_end|>")
		if !ok || !ok2 || !strings.HasSuffix(ex.Input, input) || strings.Contains(input, "\ufffd") {
			t.Fatalf("limit %d gives %q", limit, got)
		}
		// A character of up to four bytes is kept or dropped whole.
		if len(r.IDs) > limit || len(r.IDs) < min(limit, len(whole.IDs))-3 || len(r.IDs)+r.Cut != len(whole.IDs) || r.Prompt+len(" yes")+1 != len(r.IDs) {
			t.Errorf("limit %d: %d tokens, %d cut, prompt of %d", limit, len(r.IDs), r.Cut, r.Prompt)
		}
	}
	_, err = Encode(tok, tpl, "Do.", ex, Limits{Tokens: around - 1, Vocab: 257, Truncate: true})
	if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "line 3: without its input it has 1 tokens more") {
		t.Errorf("no room: %v", err)
	}
	_, err = Encode(tok, tpl, "Do.", ex, Limits{Tokens: 20, Vocab: 257})
	if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "line 3 has 56 tokens, the context holds 20") {
		t.Errorf("too long: %v", err)
	}
}

func TestEncodeEnd(t *testing.T) {
	tpl, ex, l := shipped(t), Example{Input: "a", Output: "b"}, Limits{Vocab: 257}
	if r, err := Encode(letters(t, "</s>", true), tpl, "", ex, l); err != nil || r.IDs[len(r.IDs)-1] != 256 {
		t.Errorf("EOS for an end that isn't there: %+v, %v", r, err)
	}
	if _, err := Encode(letters(t, "</s>", false), tpl, "", ex, l); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "<|im_end|>") {
		t.Errorf("no end: %v", err)
	}
	if _, err := Encode(letters(t, "<|im_end|>", false), tpl, "", ex, Limits{Vocab: 256}); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "token 256") {
		t.Errorf("an embedding one row short: %v", err)
	}
}

func TestEncodePretokenised(t *testing.T) {
	long := Example{InputIDs: []int32{1, 2, 3, 4, 5, 6}, Labels: []int32{-100, -100, -100, 4, -100, 6}, TaskID: 2, Line: 7}
	for _, c := range []struct {
		name        string
		ids, labels []int32
		l           Limits
		says        string
	}{
		{"good", []int32{1, 2}, []int32{-100, 2}, Limits{Tokens: 2, Vocab: 10, Truncate: false}, ""},
		{"every label", []int32{1, 2}, []int32{1, 2}, Limits{Tokens: 0, Vocab: 10, Truncate: false}, ""},
		{"lengths", []int32{1, 2}, []int32{2}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has 2 input_ids and 1 labels"},
		{"no ids", []int32{}, []int32{}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has no input_ids"},
		{"one token", []int32{1}, []int32{-100}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, ""},
		{"no label", []int32{1, 2}, []int32{-100, -100}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, ""},
		{"id", []int32{1, 10}, []int32{-100, 2}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has token 10, the vocabulary ends at 9"},
		{"negative id", []int32{-1, 1}, []int32{-100, 2}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has token -1"},
		{"label", []int32{1, 2}, []int32{-100, 10}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has label 10"},
		{"negative label", []int32{1, 2}, []int32{-1, 2}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, "line 7 has label -1"},
		{"only the first", []int32{1, 2}, []int32{1, -100}, Limits{Tokens: 4, Vocab: 10, Truncate: false}, ""},
		{"long", []int32{1, 2, 3}, []int32{-100, 2, 3}, Limits{Tokens: 2, Vocab: 10, Truncate: false}, "line 7 has 3 tokens, the context holds 2"},
		{"long and nothing to cut", []int32{1, 2, 3}, []int32{-100, 2, 3}, Limits{Tokens: 2, Vocab: 10, Truncate: true}, "labels and a token before them don't fit"},
	} {
		_, err := Encode(nil, nil, "", Example{InputIDs: c.ids, Labels: c.labels, Line: 7}, c.l)
		if c.says == "" && err != nil || c.says != "" && (!fault.Is(err, fault.Input) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	r, err := Encode(nil, nil, "", long, Limits{Tokens: 4, Vocab: 10, Truncate: true})
	want := Row{IDs: []int32{3, 4, 5, 6}, Labels: []int32{-100, 4, -100, 6}, TaskID: 2, Prompt: 1, Cut: 2, Line: 7}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, %v, want %+v", r, err, want)
	}
	if !slices.Equal(long.InputIDs, []int32{1, 2, 3, 4, 5, 6}) {
		t.Error("the example was changed")
	}
}
