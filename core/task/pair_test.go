package task

import (
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

// An encoder-decoder's prompt is its source, its answer the decoder's; each ends
// with an end token.
func TestEncodePair(t *testing.T) {
	tok, tpl := letters(t, "</s>", true), shipped(t)
	ex := Example{Input: "0123456789é😀xyz", Output: "yes", TaskID: 4, Line: 9}
	whole, err := Encode(tok, tpl, "", ex, Limits{Tokens: 100, Vocab: 257, Encodes: true, Start: 7})
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Decode(whole.Source); got != "Input: 0123456789é😀xyz\nOutput:</s>" {
		t.Errorf("source %q", got)
	}
	answer := append(tok.Encode(" yes"), 256)
	if !slices.Equal(whole.IDs, append([]int32{7}, answer...)) || !slices.Equal(whole.Labels, append([]int32{-100}, answer...)) || whole.Prompt != 1 || whole.TaskID != 4 || whole.Cut != 0 {
		t.Errorf("row %+v", whole)
	}
	around := len("Input: \nOutput:") + 1
	for limit := len(whole.Source); limit >= around; limit-- {
		r, err := Encode(tok, tpl, "", ex, Limits{Tokens: limit, Vocab: 257, Encodes: true, Truncate: true})
		if err != nil {
			t.Fatal(err)
		}
		got := tok.Decode(r.Source)
		if !strings.HasPrefix(got, "Input: ") || !strings.HasSuffix(got, "\nOutput:</s>") || len(r.Source) > limit || len(r.Source)+r.Cut != len(whole.Source) || len(r.IDs) != len(whole.IDs) {
			t.Fatalf("limit %d: %q, %d cut", limit, got, r.Cut)
		}
	}
	for says, l := range map[string]Limits{
		"line 9: without its input": {Tokens: around - 1, Vocab: 257, Encodes: true, Truncate: true},
		"line 9 has 35 tokens":      {Tokens: 20, Vocab: 257, Encodes: true},
		"its answer has 5 tokens":   {Tokens: 4, Vocab: 257, Encodes: true, Truncate: true},
		"token 256":                 {Tokens: 100, Vocab: 256, Encodes: true},
	} {
		if _, err := Encode(tok, tpl, "", ex, l); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestPretokenisedPair(t *testing.T) {
	limits := func(tokens int, cut bool) Limits {
		return Limits{Tokens: tokens, Vocab: 10, Truncate: cut, Encodes: true}
	}
	r, err := Encode(nil, nil, "", Example{InputIDs: []int32{5, 6, 7, 1}, Labels: []int32{3, -100, 1}, TaskID: 2}, limits(3, true))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Source, []int32{6, 7, 1}) || r.Cut != 1 || !slices.Equal(r.IDs, []int32{0, 3, 0, 1}) || !slices.Equal(r.Labels, []int32{-100, 3, -100, 1}) || r.TaskID != 2 {
		t.Errorf("row %+v", r)
	}
	for says, c := range map[string]struct {
		ids, labels []int32
		l           Limits
	}{
		"line 7 has no input_ids": {[]int32{}, []int32{1}, limits(4, false)},
		"line 7 has no labels":    {[]int32{1}, nil, limits(4, false)},
		"line 7 has token 10":     {[]int32{10}, []int32{1}, limits(4, false)},
		"line 7 has token -1":     {[]int32{-1}, []int32{1}, limits(4, false)},
		"line 7 has label 10":     {[]int32{1}, []int32{10}, limits(4, false)},
		"line 7 has label -2":     {[]int32{1}, []int32{-2}, limits(4, false)},
		"line 7 has 5 tokens":     {[]int32{1, 2, 3, 4, 5}, []int32{1}, limits(4, false)},
		"the context holds 4":     {[]int32{1}, []int32{1, 2, 3, 4, 5}, limits(4, true)},
	} {
		if _, err := Encode(nil, nil, "", Example{InputIDs: c.ids, Labels: c.labels, Line: 7}, c.l); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
