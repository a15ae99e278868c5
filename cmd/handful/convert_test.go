package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/format"
	"handful/core/format/gguf"
	"handful/core/tensor"
)

// TestConvert: what comes out has the logits of what went in.
func TestConvert(t *testing.T) {
	dir := t.TempDir()
	inv := golden + "/s4/adapter_init"
	to := func(name, in string, flags ...string) string {
		t.Helper()
		out := filepath.Join(dir, name)
		if o := good(t, append([]string{"convert", in, out}, flags...)...); strings.TrimSpace(o.stdout) != out {
			t.Errorf("%s: %q", name, o.stdout)
		}
		return out
	}
	task := logitsOf(t, "--inventory", inv, "--task", "1")
	lora := to("lora", inv, "--to", "peft-lora", "--task", "1")
	wantSame(t, "peft-lora", logitsOf(t, "--adapter", lora), task, 1e-5)
	wantSame(t, "peft-lora of the mean", logitsOf(t, "--adapter", to("mean", inv, "--to", "peft-lora", "--task", "mean")), logitsOf(t, "--inventory", inv, "--task", "mean"), 1e-5)
	wantSame(t, "peft-poly of mttl", logitsOf(t, "--inventory", to("poly", mttlData+"experts", "--to", "peft-poly")), logitsOf(t, "--inventory", mttlData+"experts"), 1e-5)
	wantSame(t, "peft-poly of a shared skill", logitsOf(t, "--inventory", to("shared", mttlData+"poly_use_shared_skill.ckpt", "--to", "peft-poly")), logitsOf(t, "--inventory", mttlData+"poly_use_shared_skill.ckpt"), 1e-5)
	wantSame(t, "peft-poly of a LoRA", logitsOf(t, "--inventory", to("one", mttlData+"lora.ckpt", "--to", "peft-poly")), logitsOf(t, "--adapter", mttlData+"lora.ckpt"), 1e-5)
	wantSame(t, "peft-ia3 of mttl", logitsOf(t, "--adapter", to("ia3", mttlData+"ia3.ckpt", "--to", "peft-ia3")), logitsOf(t, "--adapter", mttlData+"ia3.ckpt"), 1e-5)

	for dtype, most := range map[string]float64{"F32": 1e-5, "F16": 2e-2, "BF16": 2e-1} {
		merged := to("merged "+dtype, lora, "--to", "merged", "--base", golden, "--dtype", dtype)
		file := filepath.Join(dir, dtype+".safetensors")
		good(t, "score", "--device", "cpu", "--base", merged, "--examples", mttlData+"rows.jsonl", "--logits", file)
		wantSame(t, "merged as "+dtype, vectors(t, file), task, most)
		if o := good(t, "inspect", merged); !strings.Contains(o.stdout, dtype) {
			t.Errorf("inspect of %s: %s", dtype, o.stdout)
		}
	}
	file := filepath.Join(dir, "ia3.safetensors")
	good(t, "score", "--device", "cpu", "--base", to("merged ia3", filepath.Join(dir, "ia3"), "--to", "merged", "--base", golden), "--examples", mttlData+"rows.jsonl", "--logits", file)
	wantSame(t, "merged ia3", vectors(t, file), logitsOf(t, "--adapter", mttlData+"ia3.ckpt"), 1e-5)

	z := filepath.Join(dir, "z")
	rows := write(t, filepath.Join(dir, "rows.jsonl"), `{"input_ids": [5, 17, 3], "labels": [-100, -100, 3]}`+"\n")
	good(t, "adapt", "--device", "cpu", "--base", golden, "--inventory", inv, "--method", "z", "--examples", rows, "--steps", "2", "--out", z)
	wantSame(t, "z as a LoRA", logitsOf(t, "--adapter", to("zlora", z, "--to", "peft-lora")), logitsOf(t, "--adapter", z), 1e-5)

	for i, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{inv, "x", "--to", "peft-lora"}, 1, "--task"},
		{[]string{inv, "x", "--to", "peft-lora", "--task", "nobody"}, 1, "nobody"},
		{[]string{inv, "x", "--to", "peft-ia3"}, 1, "no (IA)³"},
		{[]string{mttlData + "ia3.ckpt", "x", "--to", "peft-poly"}, 1, "no skills"},
		{[]string{mttlData + "ia3.ckpt", "x", "--to", "gguf-lora", "--base", golden}, 1, "no LoRA"},
		{[]string{mttlData + "module_logits_l2_norm.ckpt", "x", "--to", "peft-poly"}, 1, "l2"},
		{[]string{mttlData + "t5_layerwise.ckpt", "x", "--to", "merged", "--task", "0", "--base", golden}, 1, "of the base is nothing"},
		{[]string{golden, "x", "--to", "peft-lora"}, 1, "adapter_config.json"},
		{[]string{lora, "x", "--to", "gguf-lora"}, 2, "--base"},
		{[]string{lora, "x", "--to", "onnx"}, 2, "--to"},
		{[]string{lora, "x", "--to", "merged", "--base", golden, "--dtype", "I8"}, 2, "--dtype"},
		{[]string{lora}, 2, "IN and OUT"},
	} {
		args := append([]string{"convert"}, c.args...)
		if len(args) > 2 {
			args[2] = filepath.Join(dir, fmt.Sprint("bad", i))
		}
		if o := handful(t, args...); o.code != c.code || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%v: got %+v, want %q", c.args, o, c.says)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "bad*")); len(left) > 0 {
		t.Errorf("faults left %v", left)
	}
}

// TestConvertGGUF: names, shapes and values of a GGUF LoRA; llama.cpp itself
// reads one in scripts/peft_check.py.
func TestConvertGGUF(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.gguf")
	good(t, "convert", golden+"/s4/mhr_mu/adapter_init", out, "--to", "gguf-lora", "--base", golden)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(format.BytesBlob(raw))
	if err != nil {
		t.Fatal(err)
	}
	if f.String("general.type") != "adapter" || f.String("adapter.type") != "lora" || f.String("general.architecture") != "llama" || len(f.Names()) != 2*14 {
		t.Errorf("keys %v, %d tensors", f.Keys(), len(f.Names()))
	}
	for name, want := range map[string]string{"blk.0.attn_q.weight.lora_a": "[4 32]", "blk.0.attn_q.weight.lora_b": "[32 4]", "blk.1.attn_k.weight.lora_b": "[16 4]", "blk.1.ffn_down.weight.lora_a": "[4 64]"} {
		if s, _ := f.Shape(name); fmt.Sprint(s) != want {
			t.Errorf("%s: %v, want %s", name, s, want)
		}
	}
	peft := tensorOf(t, golden+"/s4/mhr_mu/adapter_init/adapter_model.safetensors", "base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight")
	s, err := f.Tensor("blk.0.attn_k.weight.lora_b")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tensor.ReadF32(s)
	if err != nil {
		t.Fatal(err)
	}
	for row := range 16 { // two heads of 8: row 2i is row i of a head's first half
		h, i := row/8, row%8
		from := h*8 + i/2 + i%2*4
		for k := range 4 {
			if math.Abs(float64(got[row*4+k]-peft[from*4+k])) > 1e-7 {
				t.Fatalf("row %d is not row %d of PEFT's", row, from)
			}
		}
	}
	if o := handful(t, "convert", golden+"/s4/mhr_mu/adapter_init", out, "--to", "gguf-lora", "--base", golden); o.code != 1 || !strings.Contains(o.stderr, "is there") {
		t.Errorf("over a file: %+v", o)
	}
}

// TestConvertT5: a T5, whose embedding has several names, merged with a LoRA.
func TestConvertT5(t *testing.T) {
	for name, base := range map[string]string{"relu": t5Relu, "gated": t5Gated} {
		adapter, out := base+"/s4/mhr_mu/adapter_init", filepath.Join(t.TempDir(), name)
		good(t, "convert", adapter, out, "--to", "merged", "--base", base)
		rows := mttlData + "t5_rows.jsonl"
		score := func(args ...string) []float32 {
			file := filepath.Join(t.TempDir(), "logits.safetensors")
			good(t, append([]string{"score", "--device", "cpu", "--examples", rows, "--logits", file}, args...)...)
			return vectors(t, file)
		}
		wantSame(t, name, score("--base", out), score("--base", base, "--adapter", adapter), 2e-5)
		file := t5Files + "t5_" + name + ".gguf"
		good(t, "convert", adapter, out+" of GGUF", "--to", "merged", "--base", file)
		wantSame(t, name+" of GGUF", score("--base", out+" of GGUF"), score("--base", file, "--adapter", adapter), 2e-5)
		wantT5LoRA(t, adapter, base, out+".gguf", map[string]string{"relu": "wi", "gated": "wi_1"}[name])
	}
}

const t5Files = "../../core/format/hf/testdata/"

// wantT5LoRA writes a T5's LoRA for llama.cpp and holds it against PEFT's file.
// llama.cpp itself reads one in scripts/peft_check.py.
func wantT5LoRA(t *testing.T, adapter, base, out, wi string) {
	t.Helper()
	good(t, "convert", adapter, out, "--to", "gguf-lora", "--base", base)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(format.BytesBlob(raw))
	if err != nil {
		t.Fatal(err)
	}
	if f.String("general.architecture") != "t5" || f.String("adapter.type") != "lora" {
		t.Errorf("keys %v", f.Keys())
	}
	for name, hf := range map[string]string{"enc.blk.0.attn_q": "encoder.block.0.layer.0.SelfAttention.q", "dec.blk.1.cross_attn_v": "decoder.block.1.layer.1.EncDecAttention.v",
		"dec.blk.0.attn_o": "decoder.block.0.layer.0.SelfAttention.o", "dec.blk.1.ffn_up": "decoder.block.1.layer.2.DenseReluDense." + wi, "enc.blk.1.ffn_down": "encoder.block.1.layer.1.DenseReluDense.wo"} {
		for _, m := range []string{"A", "B"} {
			s, err := f.Tensor(name + ".weight.lora_" + strings.ToLower(m))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tensor.ReadF32(s)
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, name+"."+m, got, tensorOf(t, adapter+"/adapter_model.safetensors", "base_model.model."+hf+".lora_"+m+".weight"), 1e-7)
		}
	}
}
