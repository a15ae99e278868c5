package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

const mttlData = "../../core/format/mttl/testdata/"

// TestScoreMTTL: logits with checkpoints of mttl are PyTorch's.
func TestScoreMTTL(t *testing.T) {
	want := formattest.Safetensors(t, mttlData+"want.safetensors")
	for name, c := range map[string][2]string{
		"fine": {"--inventory", "fine.ckpt"}, "coarse": {"--inventory", "coarse.pt"}, "average": {"--inventory", "average.ckpt"},
		"private": {"--inventory", "private.ckpt"}, "experts": {"--inventory", "experts"}, "named": {"--inventory", "named.ckpt"},
		"module_logits_l2_norm":          {"--inventory", "module_logits_l2_norm.ckpt"},
		"module_logits_straight_through": {"--inventory", "module_logits_straight_through.ckpt"},
		"poly_average_correction":        {"--inventory", "poly_average_correction.ckpt"},
		"poly_use_shared_skill":          {"--adapter", "poly_use_shared_skill.ckpt"},
		"lora":                           {"--adapter", "lora.ckpt"}, "library": {"--adapter", "library"}, "ia3": {"--adapter", "ia3.ckpt"},
	} {
		logits := filepath.Join(t.TempDir(), "logits.safetensors")
		args := []string{"score", "--device", "cpu", "--base", golden, c[0], mttlData + c[1], "--examples", mttlData + "rows.jsonl", "--logits", logits}
		if name == "average" {
			args = append(args, "--task", "mean")
		}
		good(t, args...)
		got := formattest.Safetensors(t, logits)
		for i := range 3 {
			g, w := got.F32(fmt.Sprintf("row%d", i)), want.F32(fmt.Sprintf("%s.row%d", name, i))
			if len(g) != len(w) {
				t.Fatalf("%s: %d logits, want %d", name, len(g), len(w))
			}
			for k := range w {
				if math.Abs(float64(g[k]-w[k])) > 2e-5+1e-4*math.Abs(float64(w[k])) {
					t.Fatalf("%s, row %d: logit %d is %v, want %v", name, i, k, g[k], w[k])
				}
			}
		}
	}
}

// TestScoreMTTLOfT5: routers that a T5's layers share.
func TestScoreMTTLOfT5(t *testing.T) {
	want := formattest.Safetensors(t, mttlData+"want.safetensors")
	for _, name := range []string{"t5_layerwise", "t5_blockwise", "t5_coderwise"} {
		logits := filepath.Join(t.TempDir(), "logits.safetensors")
		good(t, "score", "--device", "cpu", "--base", t5Gated, "--inventory", mttlData+name+".ckpt", "--examples", mttlData+"t5_rows.jsonl", "--logits", logits)
		got := formattest.Safetensors(t, logits)
		for i := range 2 {
			wantSame(t, fmt.Sprintf("%s, row %d", name, i), got.F32(fmt.Sprintf("row%d", i)), want.F32(fmt.Sprintf("%s.row%d", name, i)), 3e-5)
		}
	}
}

// TestAdaptMTTL: a checkpoint is an inventory like any other.
func TestAdaptMTTL(t *testing.T) {
	rows := filepath.Join(t.TempDir(), "rows.jsonl")
	write(t, rows, `{"input_ids": [5, 17, 3], "labels": [-100, -100, 3]}`+"\n"+`{"input_ids": [5, 18, 4], "labels": [-100, -100, 4]}`+"\n")
	for _, c := range [][]string{{"fine.ckpt", "z"}, {"experts", "z", "--router-init", "task:second"}, {"named.ckpt", "mu"}, {"coarse.pt", "mhr", "--router-init", "keep"}, {"module_logits_l2_norm.ckpt", "z"}} {
		out := filepath.Join(t.TempDir(), "out")
		o := good(t, append([]string{"adapt", "--device", "cpu", "--base", golden, "--inventory", mttlData + c[0], "--method", c[1], "--examples", rows, "--steps", "2", "--out", out}, c[2:]...)...)
		if !strings.Contains(o.stdout, out) {
			t.Errorf("%v: %q %q", c, o.stdout, o.stderr)
		}
		good(t, "score", "--device", "cpu", "--base", golden, "--adapter", out, "--examples", rows)
	}
	o := good(t, "inspect", mttlData+"experts")
	for _, w := range []string{"inventory", "mttl", "first second third"} {
		if !strings.Contains(o.stdout, w) {
			t.Errorf("inspect lacks %q:\n%s", w, o.stdout)
		}
	}
	runs := "../../core/format/torch/testdata/runs.pt"
	for _, o := range []outcome{handful(t, "inspect", runs), handful(t, "score", "--base", golden, "--adapter", runs, "--examples", rows)} {
		if said := o.stdout + o.stderr; !strings.Contains(said, `"builtins.print"`) || strings.Contains(said, "it runs") {
			t.Errorf("a file that wants to run: %+v", o)
		}
	}
}
