package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// lossOf scores rows with an adapter.
func lossOf(t *testing.T, dir, rows string) float64 {
	t.Helper()
	var s scores
	if err := json.Unmarshal([]byte(good(t, "score", "--device", "cpu", "--base", golden, "--adapter", dir, "--examples", rows, "--json").stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s.Loss
}

// A shared router is written for each of its layers, and the POLY folder and
// the LORA agree.
func TestGranularity(t *testing.T) {
	rows := goldenRows(t, 4)
	for granularity, routers := range map[string]int{"fine": 14, "layer": 4, "block": 2, "coder": 1, "coarse": 1} {
		out := filepath.Join(t.TempDir(), "out")
		o := good(t, adaptArgs(t, "z", out, "--router-lr", "1", "--granularity", granularity, "--router-init", "task:1")...)
		if want := " " + map[int]string{14: "224", 4: "64", 2: "32", 1: "16"}[routers] + " trainable"; !strings.Contains(o.stderr, want) {
			t.Errorf("%s: no %q in %s", granularity, want, o.stderr)
		}
		v := formattest.Safetensors(t, filepath.Join(out, "adapter_model.safetensors"))
		seen := map[string]bool{}
		for _, site := range []string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"} {
			for _, layer := range []string{"0", "1"} {
				z, err := json.Marshal(v.F32("base_model.model.model.layers." + layer + "." + site + ".poly_router.module_logits"))
				if err != nil {
					t.Fatal(err)
				}
				seen[string(z)] = true
			}
		}
		if len(seen) != routers {
			t.Errorf("%s: %d different routers, want %d", granularity, len(seen), routers)
		}
		if a, b := lossOf(t, out, rows), lossOf(t, filepath.Join(out, "lora"), rows); !near(a, b, 1e-5, 0) {
			t.Errorf("%s: POLY %v, LORA %v", granularity, a, b)
		}
	}
}

// Selectors that PEFT's POLY can say are written as one, with the LORA that
// agrees; the others as the LORA alone.
func TestSelectors(t *testing.T) {
	rows := goldenRows(t, 4)
	for selector, poly := range map[string]bool{"sigmoid": true, "shared": true, "straight-through": true, "correction": false, "l2": false} {
		out := filepath.Join(t.TempDir(), "out")
		good(t, adaptArgs(t, "z", out, "--router-lr", "1", "--selector", selector)...)
		said := string(read(t, filepath.Join(out, "adapter_config.json")))
		if poly != strings.Contains(said, `"POLY"`) || poly == strings.Contains(said, `"LORA"`) {
			t.Errorf("%s: %s", selector, said)
		}
		loss := lossOf(t, out, rows)
		if !poly {
			continue
		}
		if b := lossOf(t, filepath.Join(out, "lora"), rows); !near(loss, b, 1e-5, 0) {
			t.Errorf("%s: POLY %v, LORA %v", selector, loss, b)
		}
	}
	bad(t, 2, []string{"--selector l2", "POLY", "method z"}, adaptArgs(t, "mhr", filepath.Join(t.TempDir(), "out"), "--selector", "l2")...)
}

// Sampled routes hang on the seed.
func TestRelaxed(t *testing.T) {
	var logs [3]string
	for i, seed := range []string{"3", "3", "4"} {
		out := filepath.Join(t.TempDir(), "out")
		good(t, adaptArgs(t, "z", out, "--relaxed", "--router-init", "mean", "--order", "file", "--seed", seed)...)
		logs[i] = string(read(t, filepath.Join(out, "adapter_model.safetensors")))
	}
	if logs[0] != logs[1] || logs[0] == logs[2] {
		t.Error("want equal results for equal seeds, and only for them")
	}
}

// The best training task is the one under which score gives the smallest loss.
func TestBestStart(t *testing.T) {
	rows := goldenRows(t, 8)
	best, least := "", 0.0
	for _, task := range []string{"0", "1", "2"} {
		var s scores
		if err := json.Unmarshal([]byte(good(t, "score", "--device", "cpu", "--base", golden, "--inventory", golden+"/s4/adapter_init", "--task", task, "--examples", rows, "--json").stdout), &s); err != nil {
			t.Fatal(err)
		}
		if best == "" || s.Loss < least {
			best, least = task, s.Loss
		}
	}
	start := func(init string) (r struct {
		Start []struct {
			Task string
			Loss float64
		}
	}) {
		out := filepath.Join(t.TempDir(), "out")
		o := good(t, adaptArgs(t, "z", out, "--router-init", init, "--router-lr", "0")...)
		if err := json.Unmarshal(read(t, filepath.Join(out, "routing.json")), &r); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(o.stderr, "start: "+best+" (loss ") {
			t.Errorf("%s: stderr %s", init, o.stderr)
		}
		if init == "best" && !near(lossOf(t, out, rows), least, 1e-5, 0) {
			t.Errorf("training did not start from task %s", best)
		}
		return r
	}
	one, two := start("best"), start("best:2")
	if len(one.Start) != 1 || one.Start[0].Task != best || !near(one.Start[0].Loss, least, 1e-5, 0) {
		t.Errorf("best is %+v, want task %s with %v", one.Start, best, least)
	}
	if len(two.Start) != 2 || !reflect.DeepEqual(two.Start[0], one.Start[0]) || two.Start[1].Loss < two.Start[0].Loss {
		t.Errorf("best:2 is %+v", two.Start)
	}
	bad(t, 1, []string{"best:4", "3 tasks"}, adaptArgs(t, "z", filepath.Join(t.TempDir(), "out"), "--router-init", "best:4")...)
}

// (IA)³ is trained from the base alone, on the modules that are asked for.
func TestIA3(t *testing.T) {
	rows := goldenRows(t, 8)
	for targets, feedforward := range map[string]string{"": "down_proj", "q_proj,mlp.down_proj": "mlp.down_proj", `.*\.(o_proj|down_proj)`: "down_proj", "up_proj": ""} {
		out := filepath.Join(t.TempDir(), "out")
		args := []string{"adapt", "--device", "cpu", "--base", golden, "--examples", rows, "--method", "ia3", "--out", out, "--steps", "3"}
		if targets != "" {
			args = append(args, "--targets", targets)
		}
		good(t, args...)
		var c struct {
			Feedforward []string `json:"feedforward_modules"`
		}
		if err := json.Unmarshal(read(t, filepath.Join(out, "adapter_config.json")), &c); err != nil {
			t.Fatal(err)
		}
		if strings.Join(c.Feedforward, ",") != feedforward || c.Feedforward == nil {
			t.Errorf("%q: feed-forward %v, want %q", targets, c.Feedforward, feedforward)
		}
		lossOf(t, out, rows)
		if o := good(t, "inspect", out); !strings.Contains(o.stdout, "peft-ia3") {
			t.Errorf("inspect: %s", o.stdout)
		}
	}
}
