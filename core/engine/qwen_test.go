package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/gguf"
	"handful/core/tensor"
)

const (
	qwen2 = "../model/testdata/qwen2"
	qwen3 = "../model/testdata/qwen3"
)

// qwens are the models, each from a folder and from a GGUF file.
func qwens(t *testing.T, each func(t *testing.T, dir string, base format.Folder)) {
	for _, dir := range []string{qwen2, qwen3} {
		tiny, err := os.ReadFile(dir + "/tiny.gguf")
		if err != nil {
			t.Fatal(err)
		}
		for from, base := range map[string]format.Folder{"folder": formattest.Folder(t, dir+"/base"), "gguf": {{Name: "tiny.gguf", Blob: format.BytesBlob(tiny)}}} {
			t.Run(filepath.Base(dir)+"/"+from, func(t *testing.T) { each(t, dir, base) })
		}
	}
}

// Qwen2 and Qwen3: logits, and the loss and gradients under a LoRA of PEFT's, as
// torch has them.
func TestQwen(t *testing.T) { qwens(t, likeTorch) }

func likeTorch(t *testing.T, dir string, base format.Folder) {
	raw, err := os.ReadFile(dir + "/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Rows     []json.RawMessage `json:"rows"`
		Loss     []float64         `json:"loss"`
		GradNorm []float64         `json:"grad_norm"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	examples, tasks := "", []AlignTask(nil)
	for _, r := range want.Rows {
		var line bytes.Buffer
		if err := json.Compact(&line, r); err != nil {
			t.Fatal(err)
		}
		examples += line.String() + "\n"
		tasks = append(tasks, AlignTask{Examples: line.String()})
	}
	logits := formattest.Safetensors(t, dir+"/logits.safetensors")
	ctx := context.Background()
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) {
			e, err := Open(ctx, OpenOptions{Base: base, Adapter: formattest.Folder(t, dir+"/adapter"), Device: device.Options{Kind: kind}})
			if fault.Is(err, fault.NoGPU) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for adapter, tensors := range map[string]string{"base": "row", "file": "adapted"} {
				a, err := e.Adapter(adapter)
				if err != nil {
					t.Fatal(err)
				}
				s, err := e.Score(ctx, a, examples, ScoreOptions{KeepLogits: true})
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range s.Logits {
					sameLogits(t, fmt.Sprintf("%s, row %d", adapter, i+1), got, logits.F32(fmt.Sprint(tensors, i)))
				}
			}
			a, err := e.Adapter("file")
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Align(ctx, a, tasks, AlignOptions{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want.Loss {
				if math.Abs(got.Loss[i]-want.Loss[i]) > 1e-4 || math.Abs(got.GradNorm[i]-want.GradNorm[i]) > 1e-4*(1+want.GradNorm[i]) {
					t.Errorf("row %d: loss %v and gradient %v, want %v and %v", i+1, got.Loss[i], got.GradNorm[i], want.Loss[i], want.GradNorm[i])
				}
			}
		})
	}
}

// An adapter in a Qwen's weights gives the adapted logits; llama.cpp's LoRA keeps
// the order of q's rows, as its Qwens do.
func TestQwenOut(t *testing.T) { qwens(t, goesOut) }

func goesOut(t *testing.T, dir string, base format.Folder) {
	ctx := context.Background()
	convert := func(in, base format.Folder, to string) (out format.Folder) {
		t.Helper()
		err := Convert(ctx, in, base, ConvertOptions{To: to}, func(name string, write func(io.Writer) error) error {
			var b bytes.Buffer
			err := write(&b)
			out = append(out, format.NamedBlob{Name: name, Blob: format.BytesBlob(b.Bytes())})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const row = `{"input_ids": [5, 17, 40, 3, 22, 61], "labels": [-100, -100, -100, 3, 22, 61]}`
	logits := func(base format.Folder, adapter func(e *Engine) Adapter) []float32 {
		t.Helper()
		e, err := Open(ctx, OpenOptions{Base: base, Device: device.Options{Kind: "cpu"}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		s, err := e.Score(ctx, adapter(e), row, ScoreOptions{KeepLogits: true})
		if err != nil {
			t.Fatal(err)
		}
		return s.Logits[0]
	}
	plain := func(*Engine) Adapter { return Adapter{Name: "base", tasks: 1} }
	lora := formattest.Folder(t, dir+"/adapter")
	want := formattest.Safetensors(t, dir+"/logits.safetensors").F32("adapted0")
	sameLogits(t, "lora", logits(convert(lora, base, "merged"), plain), want)
	var ia3 format.Folder // its scales meet the biases too
	scaled := logits(base, func(e *Engine) Adapter {
		o := Defaults("ia3")
		o.Examples, o.Steps, o.LR = row, 5, 0.5
		fit, err := e.Adapt(ctx, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fit.files {
			ia3 = append(ia3, format.NamedBlob{Name: f.Name, Blob: format.BytesBlob(f.Bytes)})
		}
		return fit.Adapter
	})
	sameLogits(t, "ia3", logits(convert(ia3, base, "merged"), plain), scaled)
	g, err := gguf.Open(convert(lora, base, "gguf-lora")[0])
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.Tensor("blk.0.attn_q.weight.lora_b")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tensor.ReadF32(b)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, formattest.Safetensors(t, dir+"/adapter/adapter_model.safetensors").F32("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight")) || g.String("general.architecture") != filepath.Base(dir) {
		t.Errorf("a LoRA for %s has other rows", g.String("general.architecture"))
	}
}

func sameLogits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for j, w := range want {
		if math.Abs(float64(got[j]-w)) > 1e-4+1e-4*math.Abs(float64(w)) {
			t.Fatalf("%s: logit %d is %v, want %v", name, j, got[j], w)
		}
	}
}

// What would be another model's math is refused by its key.
func TestQwenThatIsNone(t *testing.T) {
	raw, err := os.ReadFile(qwen2 + "/base/config.json")
	if err != nil {
		t.Fatal(err)
	}
	for from, c := range map[string]struct{ to, says string }{
		`"use_sliding_window": false`: {`"use_sliding_window": true`, "use_sliding_window is set"},
		`"full_attention"`:            {`"sliding_attention"`, `layer 0 is "sliding_attention"`},
		`"model_type": "qwen2"`:       {`"model_type": "llama"`, "tensors do not fit the config"},
		`"num_key_value_heads": 2`:    {`"num_key_value_heads": 4`, "self_attn.k_proj"},
	} {
		f := formattest.Folder(t, qwen2+"/base")
		for i := range f {
			if f[i].Name == "config.json" {
				f[i].Blob = format.BytesBlob([]byte(strings.Replace(string(raw), from, c.to, 1)))
			}
		}
		if _, err := Open(context.Background(), OpenOptions{Base: f, Device: device.Options{Kind: "cpu"}}); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}
