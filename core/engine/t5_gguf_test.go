package engine

import (
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/tune"
)

const t5Files = "../format/hf/testdata/"

// openT5GGUF opens a golden T5 out of llama.cpp's file, with its inventory.
func openT5GGUF(t *testing.T, kind, name, inventory string) *Engine {
	t.Helper()
	b, err := os.ReadFile(t5Files + "t5_" + name + ".gguf")
	if err != nil {
		t.Fatal(err)
	}
	o := OpenOptions{Base: format.Folder{{Name: name, Blob: format.BytesBlob(b)}}, Device: device.Options{Kind: kind}}
	if inventory != "" {
		o.Inventory = formattest.Folder(t, inventory)
	}
	e, err := Open(context.Background(), o)
	if fault.Is(err, fault.NoGPU) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// The logits of a T5 in a GGUF file, F32 and quantised, are those that
// transformers computes with the weights that the file holds.
func TestT5GGUFLogits(t *testing.T) {
	want := formattest.Safetensors(t, t5Files+"t5.safetensors")
	ids := func(name string) (out []int32) {
		for _, v := range want.Ints(name) {
			out = append(out, int32(v))
		}
		return out
	}
	for _, kind := range []string{"cpu", "gpu"} {
		for _, name := range []string{"relu", "gated"} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				e := openT5GGUF(t, kind, name, "")
				sc := tune.NewScorer(e.dev, e.model, nil, 1, false)
				defer sc.Close()
				got, err := sc.Logits(context.Background(), tune.Row{Source: ids(name + ".input_ids"), IDs: append(ids(name+".decoder_input_ids"), 0)})
				if err != nil {
					t.Fatal(err)
				}
				w := want.F32(name + ".logits")
				if len(got) != len(w) {
					t.Fatalf("%d logits, want %d", len(got), len(w))
				}
				for i := range w {
					if math.Abs(float64(got[i]-w[i])) > 2e-4*math.Max(1, math.Abs(float64(w[i]))) {
						t.Fatalf("logit %d of token %d is %v, want %v", i%96, i/96, got[i], w[i])
					}
				}
			})
		}
	}
}

// A quantised T5 learns from text, and answers what it has learned.
func TestT5GGUFAdapts(t *testing.T) {
	ctx := context.Background()
	rows := `{"input":"ham","output":"meat"}
{"input":"egg","output":"shell"}
`
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) {
			e := openT5GGUF(t, kind, "gated", goldenT5+"/s4/adapter_init")
			o := Defaults("mu")
			o.Examples, o.Steps, o.Batch, o.LR, o.Holdout = rows, 40, 2, 0.05, 0
			fit, err := e.Adapt(ctx, o, nil)
			if err != nil {
				t.Fatal(err)
			}
			if l := fit.Losses; !(l[len(l)-1] < l[0]-1) {
				t.Errorf("losses %v do not fall by a nat", l)
			}
			var said []string
			for _, prompt := range []string{"ham", "egg"} {
				text, err := e.Generate(ctx, fit.Adapter, GenerateOptions{Prompt: prompt, MaxTokens: 6}, nil)
				if err != nil {
					t.Fatal(err)
				}
				said = append(said, text)
			}
			if !slices.Equal(said, []string{"meat", "shell"}) {
				t.Errorf("it answers %q", said)
			}
		})
	}
}
