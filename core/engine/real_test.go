package engine

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"handful/core/device"
	_ "handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/core/fault"
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
		o.Examples, o.Steps, o.Batch, o.Warmup, o.Schedule = rows, 2, 4, 0, "constant"
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

// TestRealGPU trains the real weights through WGSL: the same losses as on the
// cpu within 1e-3, also with weights bound in pieces of at most 128 MiB.
func TestRealGPU(t *testing.T) {
	losses := func(o device.Options, method string) []float64 {
		e, err := Open(context.Background(), OpenOptions{Base: realBase(t), Inventory: realInventory(t), Device: o})
		if fault.Is(err, fault.NoGPU) {
			t.Skipf("SKIPPED: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		a := Defaults(method)
		a.Examples, a.Steps, a.Batch, a.Warmup, a.Order = "great film => positive\nboring plot => negative\n", map[string]int{"z": 2, "mu": 1}[method], 2, 0, "file"
		fit, err := e.Adapt(context.Background(), a, nil)
		if err != nil {
			t.Fatal(err)
		}
		return fit.Losses
	}
	for _, method := range []string{"z", "mu"} {
		want := losses(device.Options{Kind: "cpu"}, method)
		got := losses(device.Options{Kind: "gpu", Family: "register", MaxBinding: 128 << 20}, method)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-3 {
				t.Errorf("%s step %d: loss %v on gpu, %v on cpu", method, i+1, got[i], want[i])
			}
		}
	}
}
