package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// logitsOf scores rows and gives the first row's logits.
func logitsOf(t *testing.T, args ...string) []float32 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "logits.safetensors")
	good(t, append([]string{"score", "--device", "cpu", "--base", golden, "--examples", mttlData + "rows.jsonl", "--logits", file}, args...)...)
	return vectors(t, file)
}

func vectors(t *testing.T, file string) []float32 { return tensorOf(t, file, "row0") }

func tensorOf(t *testing.T, file, name string) []float32 {
	t.Helper()
	return formattest.Safetensors(t, file).F32(name)
}

func wantSame(t *testing.T, what string, got, want []float32, most float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > most {
			t.Fatalf("%s: logit %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestStack: each skill of a stack is its LoRA; one LoRA alone is an inventory
// whose average is itself, and that method lora goes on from.
func TestStack(t *testing.T) {
	dir := t.TempDir()
	rows := write(t, filepath.Join(dir, "rows.jsonl"), `{"input_ids": [5, 17, 3], "labels": [-100, -100, 3]}`+"\n"+`{"input_ids": [5, 18, 4], "labels": [-100, -100, 4]}`+"\n")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	good(t, "adapt", "--device", "cpu", "--base", golden, "--method", "lora", "--examples", rows, "--steps", "3", "--rank", "2", "--lr", "0.1", "--seed", "1", "--out", a)
	good(t, "adapt", "--device", "cpu", "--base", golden, "--method", "lora", "--examples", rows, "--steps", "3", "--rank", "3", "--lr", "0.1", "--seed", "2", "--targets", "q_proj,up_proj", "--out", b)
	out := filepath.Join(dir, "stack")
	o := good(t, "stack", a, b, mttlData+"library", "--splits", "2", "--out", out)
	if !strings.Contains(o.stderr, "3 skills: a, b, poems") {
		t.Errorf("stderr: %q", o.stderr)
	}
	for name, path := range map[string]string{"a": a, "b": b, "poems": mttlData + "library"} {
		wantSame(t, name, logitsOf(t, "--inventory", out, "--task", name), logitsOf(t, "--adapter", path), 1e-4)
	}
	for _, method := range []string{"z", "mu"} {
		good(t, "adapt", "--device", "cpu", "--base", golden, "--inventory", out, "--method", method, "--examples", rows, "--steps", "2", "--router-init", "best", "--out", filepath.Join(dir, method))
	}
	wantSame(t, "the average of one", logitsOf(t, "--inventory", a, "--task", "mean"), logitsOf(t, "--adapter", a), 1e-5)

	for _, alpha := range []string{"1", "4"} {
		next := filepath.Join(dir, "next"+alpha)
		good(t, "adapt", "--device", "cpu", "--base", golden, "--adapter", a, "--method", "lora", "--alpha", alpha, "--examples", rows, "--steps", "1", "--lr", "0", "--out", next)
		wantSame(t, "a step at rate 0", logitsOf(t, "--adapter", next), logitsOf(t, "--adapter", a), 1e-5)
	}
	next := filepath.Join(dir, "ia3")
	good(t, "adapt", "--device", "cpu", "--base", golden, "--adapter", mttlData+"ia3.ckpt", "--method", "ia3", "--examples", rows, "--steps", "1", "--lr", "0", "--out", next)
	wantSame(t, "ia3 at rate 0", logitsOf(t, "--adapter", next), logitsOf(t, "--adapter", mttlData+"ia3.ckpt"), 1e-5)

	for i, c := range []struct {
		args []string
		says string
	}{
		{[]string{"stack", a, golden + "/s4/adapter_init"}, "has skills of its own"},
		{[]string{"stack", a, next}, "IA3"},
		{[]string{"stack", a, "--splits", "5"}, "n_splits 5 does not divide"},
		{[]string{"stack", a, "no/such"}, "no/such"},
		{[]string{"stack", golden}, "adapter_config.json"},
		{[]string{"adapt", "--device", "cpu", "--base", golden, "--examples", rows, "--adapter", a, "--method", "ia3"}, "is no ia3"},
		{[]string{"adapt", "--device", "cpu", "--base", golden, "--examples", rows, "--adapter", a, "--method", "lora", "--targets", "q_proj"}, "--targets"},
	} {
		o := handful(t, append(c.args, "--out", filepath.Join(dir, fmt.Sprint("bad", i)))...)
		if o.code != 1 || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%v: got %+v, want %q", c.args, o, c.says)
		}
	}
	if o := handful(t, "adapt", "--base", golden, "--inventory", out, "--examples", rows, "--adapter", a, "--method", "z", "--out", filepath.Join(dir, "x")); o.code != 2 || !strings.Contains(o.stderr, "--adapter") {
		t.Errorf("z with an adapter: %+v", o)
	}
	if o := handful(t, "stack", "--out", out); o.code != 2 {
		t.Errorf("stack of nothing: %+v", o)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 5 {
		t.Errorf("%d files in the stack, %v", len(left), err)
	}
}
