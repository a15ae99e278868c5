package engine

import (
	"context"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/skill"
	"handful/core/text"
)

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
