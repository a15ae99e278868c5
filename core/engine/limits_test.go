package engine

import (
	"context"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/skill"
	"handful/core/text"
)

// A base above the budget is refused before its weights are read.
func TestFault03WeightsAboveTheBudget(t *testing.T) {
	for _, x := range []struct {
		weights, memory int64
		fits            bool
	}{{1 << 40, 0, true}, {5 << 20, 5 << 20, true}, {5<<20 + 1, 5 << 20, false}} {
		err := Room(x.weights, device.Options{Kind: "auto", Memory: x.memory})
		if (err == nil) != x.fits || err != nil && (!fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "6 MB, there is room for 5 MB; take a smaller base")) {
			t.Errorf("%d of %d: %v", x.weights, x.memory, err)
		}
	}
	var base format.Folder
	for _, f := range formattest.Folder(t, golden) {
		if !strings.Contains(f.Name, "/") {
			base = append(base, f)
		}
	}
	_, err := Open(context.Background(), OpenOptions{Base: base, Device: device.Options{Kind: "cpu", Memory: 50 << 10}})
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "room for 0 MB") {
		t.Errorf("got %v, want it refused", err)
	}
}

// Tokens that the embedding has no row for never reach it.
func TestFault34TokensBeyondTheEmbedding(t *testing.T) {
	e := openGolden(t)
	v := e.model.Config().Vocab
	for _, rows := range []string{
		`{"input_ids": [1, 999999], "labels": [-100, 3]}`, `{"input_ids": [1, 96], "labels": [-100, 3]}`, `{"input_ids": [1, -1], "labels": [-100, 3]}`,
		`{"input_ids": [1, 2], "labels": [-100, 96]}`, `{"input_ids": [1, 2], "labels": [-100, -7]}`,
	} {
		o := Defaults("z")
		o.Examples, o.Steps = rows, 1
		if _, err := e.Adapt(context.Background(), o, nil); !fault.Is(err, fault.Input) || fault.From("", err).Hint == "" {
			t.Errorf("vocabulary %d, %s: %v", v, rows, err)
		}
	}
	e.tok = tooLarge{}
	if err := e.setPrompt(); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "embedding has 96 rows") {
		t.Errorf("a tokenizer of another model: %v", err)
	}
}

// tooLarge is a tokenizer with more tokens than any model has.
type tooLarge struct{ text.Tokenizer }

func (tooLarge) Vocab() int { return 1 << 30 }

// Heads that do not divide a layer are named, with those that do.
func TestFault32HeadsThatDoNotDivide(t *testing.T) {
	inv := *openGolden(t).inv
	inv.Splits = 3
	err := inv.CheckSplits()
	if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "n_splits 3 does not divide ") || !strings.Contains(err.Error(), "1, 2, 4, 8, 16, 32") {
		t.Errorf("got %v", err)
	}
	for _, dims := range [][2]int{{9, 8}, {8, 9}} {
		one := &skill.Inventory{Config: skill.Config{Splits: 4}, Sites: []string{"a"}, Dims: map[string][2]int{"a": dims}}
		if err := one.CheckSplits(); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "use one of 1") {
			t.Errorf("%v: %v", dims, err)
		}
	}
}
