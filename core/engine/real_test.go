package engine

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"handful/core/device"
	_ "handful/core/device/cpu"
)

// sentence has a mean NLL of 1.657 per token under HF transformers with the
// weights of this file.
const sentence = "The capital of France is Paris. It is the largest city in the country and lies on the river Seine. Every year, millions of tourists visit the Eiffel Tower and the Louvre museum."

func openReal(t *testing.T, kind string) *Engine {
	t.Helper()
	e, err := Open(context.Background(), OpenOptions{Base: realBase(t), Inventory: realInventory(t), Device: device.Options{Kind: kind}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// plainRow is a text as a row whose every token but the first is a label.
func plainRow(t *testing.T, e *Engine, s string) string {
	ids := e.tok.Encode(s)
	b, err := json.Marshal(map[string]any{"input_ids": ids, "labels": ids})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRealBase(t *testing.T) {
	e := openReal(t, "cpu")
	ctx := context.Background()
	base, err := e.Adapter("base")
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Score(ctx, base, plainRow(t, e, sentence), ScoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.Loss-1.657) > 0.005 {
		t.Errorf("NLL per token %.4f, want 1.657 ± 0.005", s.Loss)
	}
	var pieces []string
	out, err := e.Generate(ctx, base, GenerateOptions{Prompt: "The capital of Germany is", Raw: true, MaxTokens: 3}, func(p string) { pieces = append(pieces, p) })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, " Berlin") || strings.Join(pieces, "") != out {
		t.Errorf("got %q in pieces %q, want it to begin with %q", out, pieces, " Berlin")
	}
}

func TestRealAdapt(t *testing.T) {
	e := openReal(t, "cpu")
	rows := "great film => positive\nboring plot => negative\nI loved it => positive\nwaste of time => negative\n"
	for _, method := range []string{"z", "mu"} {
		o := Defaults(method)
		o.Examples, o.Steps, o.Batch, o.Warmup, o.Schedule = rows, 4, 4, 0, "constant"
		fit, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if last := fit.Losses[len(fit.Losses)-1]; !(last < fit.Losses[0]) {
			t.Errorf("%s: losses %v do not fall", method, fit.Losses)
		}
		if len(fit.Export()) == 0 {
			t.Errorf("%s: nothing to export", method)
		}
		t.Logf("%s: %v", method, fit.Losses)
	}
}
