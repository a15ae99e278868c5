package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/format/formattest"
	"handful/core/format/safetensors"
)

// The tolerances are those of testdata/golden/mhr/README.md.
func near(a, b, atol, rtol float64) bool { return math.Abs(a-b) <= atol+rtol*math.Abs(b) }

type scores struct {
	Loss float64 `json:"loss"`
	Rows []struct {
		Sum    float64 `json:"nll_sum"`
		Mean   float64 `json:"nll_mean"`
		Tokens int     `json:"tokens"`
	} `json:"rows"`
}

// devices runs a test with the flags of the cpu and, where an adapter opens, of
// the gpu. There the kernels are those that measure fastest; with HANDFUL_SLOW
// also the tiled ones, which lavapipe takes minutes to compile.
func devices(t *testing.T, test func(t *testing.T, device ...string)) {
	t.Run("cpu", func(t *testing.T) { test(t, "--device", "cpu") })
	t.Run("gpu", func(t *testing.T) {
		o := handful(t, "score", "--device", "gpu", "--base", golden, "--examples", goldenRows(t, 1))
		if o.code == 1 && strings.Contains(o.stderr, "use --device cpu") {
			t.Skip(strings.TrimSpace(o.stderr))
		}
		test(t, "--device", "gpu")
		if os.Getenv("HANDFUL_SLOW") != "" {
			test(t, "--device", "gpu", "--kernel", "tiled")
		}
	})
}

// families are the golden models.
var families = map[string]string{"llama": golden, "t5 v1.0": t5Relu, "t5 v1.1": t5Gated}

func TestScoreGolden(t *testing.T) {
	devices(t, func(t *testing.T, device ...string) {
		for name, dir := range families {
			t.Run(name, func(t *testing.T) { scoreGolden(t, dir, device...) })
		}
	})
}

func scoreGolden(t *testing.T, golden string, device ...string) {
	rows := rowsIn(t, golden, 4)
	base := formattest.Safetensors(t, filepath.Join(golden, "base_forward.safetensors"))
	mask := formattest.Safetensors(t, filepath.Join(golden, "batches.safetensors")).Ints("attention_mask")
	if isT5(golden) { // logits are the decoder's, without its padding
		mask = nil
		for _, y := range formattest.Safetensors(t, filepath.Join(golden, "batches.safetensors")).Ints("labels") {
			mask = append(mask, max(0, y+1))
		}
	}
	for _, c := range []struct {
		name string
		args []string
		want formattest.Vectors
	}{
		{"base", nil, base},
		{"routed s1", []string{"--inventory", golden + "/s1/adapter_init"}, formattest.Safetensors(t, golden+"/s1/forward.safetensors")},
		{"routed s4", []string{"--inventory", golden + "/s4/adapter_init"}, formattest.Safetensors(t, golden+"/s4/forward.safetensors")},
		{"mu s4", []string{"--adapter", golden + "/s4/mhr_mu/adapter_init"}, formattest.Safetensors(t, golden+"/s4/mhr_mu/forward.safetensors")},
		{"mean s4", []string{"--inventory", golden + "/s4/adapter_init", "--task", "mean"}, formattest.Safetensors(t, golden+"/s4/mhr_mu/forward.safetensors")},
	} {
		t.Run(c.name, func(t *testing.T) {
			logits := filepath.Join(t.TempDir(), "logits.safetensors")
			o := good(t, slices.Concat([]string{"score", "--base", golden, "--examples", rows, "--json", "--logits", logits}, device, c.args)...)
			var s scores
			if err := json.Unmarshal([]byte(o.stdout), &s); err != nil {
				t.Fatalf("%v in %q", err, o.stdout)
			}
			if o.stderr != "" && device[1] == "cpu" { // drivers may have something to say
				t.Errorf("stderr: %q", o.stderr)
			}
			if want := float64(c.want.F32("loss")[0]); !near(s.Loss, want, 2e-5, 1e-4) {
				t.Errorf("loss %v, want %v", s.Loss, want)
			}
			if c.name == "base" {
				for i, want := range base.F32("nll_sum_per_example") {
					r := s.Rows[i]
					if mean := float64(base.F32("nll_mean_per_example")[i]); !near(r.Sum, float64(want), 2e-5, 1e-4) || !near(r.Mean, mean, 2e-5, 1e-4) {
						t.Errorf("row %d: %v and %v, want %v and %v", i, r.Sum, r.Mean, want, mean)
					}
				}
			}
			got, want := formattest.Safetensors(t, logits), c.want.F32("logits")
			shape := c.want.Shape("logits") // [rows, tokens, vocabulary]
			for r := 0; r < shape[0]; r++ {
				l, at := got.F32("row"+string(rune('0'+r))), 0
				for p := 0; p < shape[1]; p++ {
					if mask[r*shape[1]+p] == 0 {
						continue
					}
					for v := 0; v < shape[2]; v++ {
						if g, w := float64(l[at]), float64(want[(r*shape[1]+p)*shape[2]+v]); !near(g, w, 2e-5, 1e-4) {
							t.Fatalf("row %d, position %d, token %d: logit %v, want %v", r, p, v, g, w)
						}
						at++
					}
				}
				if at != len(l) {
					t.Errorf("row %d: %d logits, want %d", r, len(l), at)
				}
			}
		})
	}
}

// zInventory is adapter_init with the golden router of one new task.
func zInventory(t *testing.T, golden, split string) string {
	dir := copyDir(t, golden+"/"+split+"/adapter_init")
	init := formattest.Safetensors(t, golden+"/"+split+"/mhr_z/init_logits.safetensors")
	old := formattest.Safetensors(t, filepath.Join(dir, "adapter_model.safetensors"))
	var ts []safetensors.Tensor
	for _, n := range old.Names() {
		from := old
		if strings.HasSuffix(n, "module_logits") {
			from = init
		}
		ts = append(ts, safetensors.Tensor{Name: n, Shape: from.Shape(n), Data: from.F32(n)})
	}
	b, err := safetensors.Encode(ts, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "adapter_model.safetensors"), string(b))
	config := string(read(t, filepath.Join(dir, "adapter_config.json")))
	write(t, filepath.Join(dir, "adapter_config.json"), strings.Replace(config, `"n_tasks": 3`, `"n_tasks": 1`, 1))
	return dir
}

func TestAdaptGolden(t *testing.T) {
	devices(t, func(t *testing.T, device ...string) {
		for name, dir := range families {
			t.Run(name, func(t *testing.T) { adaptGolden(t, dir, device...) })
		}
	})
}

func adaptGolden(t *testing.T, golden string, device ...string) {
	rows := rowsIn(t, golden, 0)
	plain := []string{"--clip", "0", "--warmup", "0", "--schedule", "constant"}
	for _, split := range []string{"s1", "s4"} {
		var meta map[string]json.RawMessage
		if err := json.Unmarshal(read(t, golden+"/"+split+"/meta.json"), &meta); err != nil {
			t.Fatal(err)
		}
		init := golden + "/" + split + "/adapter_init"
		cases := []struct {
			golden, inventory string
			args              []string
			max               float64
		}{
			{"mhr_full", init, append([]string{"--method", "mhr", "--router-init", "keep"}, plain...), 5e-3},
			{"mhr_z", zInventory(t, golden, split), append([]string{"--method", "z", "--router-init", "task:0"}, plain...), 5e-3},
			{"mhr_mu", init, append([]string{"--method", "mu"}, plain...), 2e-3},
		}
		if meta["mhr_full_sched"] != nil {
			cases = append(cases, cases[0])
			cases[3].golden, cases[3].args = "mhr_full_sched", []string{"--method", "mhr", "--router-init", "keep", "--clip", "0.1", "--warmup", "2", "--schedule", "linear"}
		}
		for _, c := range cases {
			t.Run(split+"/"+c.golden, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				o := good(t, slices.Concat([]string{"adapt", "--base", golden, "--inventory", c.inventory, "--examples", rows, "--out", out,
					"--steps", "10", "--batch", "4", "--order", "file", "--save-steps", "1,10", "--lr", "1e-3", "--router-lr", "0.1", "--weight-decay", "0.01"}, device, c.args)...)
				if strings.TrimSpace(o.stdout) != out {
					t.Errorf("stdout %q, want the folder alone", o.stdout)
				}
				var want struct {
					Losses    []float64 `json:"losses"`
					GradNorms []float64 `json:"grad_norms"`
				}
				if err := json.Unmarshal(meta[c.golden], &want); err != nil {
					t.Fatal(err)
				}
				log := strings.Split(strings.TrimSpace(string(read(t, filepath.Join(out, "train.jsonl")))), "\n")
				if len(log) != 10 {
					t.Fatalf("%d lines in train.jsonl, want 10", len(log))
				}
				for i, l := range log {
					var s struct {
						Step     int     `json:"step"`
						Loss     float64 `json:"loss"`
						GradNorm float64 `json:"grad_norm"`
						MS       float64 `json:"ms"`
					}
					if err := json.Unmarshal([]byte(l), &s); err != nil {
						t.Fatal(err)
					}
					if s.Step != i+1 || !near(s.Loss, want.Losses[i], 2e-4, 0) || !near(s.GradNorm, want.GradNorms[i], 2e-4, 1e-3) || s.MS <= 0 {
						t.Errorf("step %d: %+v, want loss %v and norm %v", i+1, s, want.Losses[i], want.GradNorms[i])
					}
				}
				for _, step := range []string{"step1", "step10"} {
					if c.golden == "mhr_full_sched" && step == "step1" {
						continue
					}
					compareStep(t, filepath.Join(golden, split, c.golden, step+".safetensors"), filepath.Join(out, step, "adapter_model.safetensors"), c.max)
				}
				compareStep(t, filepath.Join(out, "step10", "adapter_model.safetensors"), filepath.Join(out, "adapter_model.safetensors"), 0)
			})
		}
	}
}

// compareStep holds trained tensors against the golden ones: at most 1e-4
// apart for 99.8 % of the elements, at most max for all.
func compareStep(t *testing.T, golden, ours string, most float64) {
	t.Helper()
	want, got := formattest.Safetensors(t, golden), formattest.Safetensors(t, ours)
	far, n := 0, 0
	for _, name := range want.Names() {
		g := got.F32(name)
		for i, w := range want.F32(name) {
			d := math.Abs(float64(g[i] - w))
			if d > most {
				t.Fatalf("%s: %s[%d] is %v, want %v", ours, name, i, g[i], w)
			}
			if d > 1e-4 {
				far++
			}
			n++
		}
	}
	if n == 0 || far*1000 > 2*n {
		t.Errorf("%s: %d of %d elements differ by more than 1e-4", ours, far, n)
	}
}
