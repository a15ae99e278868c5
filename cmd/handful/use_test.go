package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	rows := goldenRows(t, 4)
	classes := write(t, filepath.Join(t.TempDir(), "classes.csv"), "input,output\nfine,good\nawful,bad\nnice,good\ndull,bad\n")
	for _, c := range []struct {
		path, kind, format string
		words              []string
	}{
		{golden, "model", "hf", []string{"llama", "F32", "q_proj"}},
		{golden + "/model.safetensors", "tensors", "safetensors", []string{"embed_tokens"}},
		{golden + "/s4/adapter_init", "inventory", "peft-poly", []string{"poly_lora_A"}},
		{golden + "/s4/mhr_mu/adapter_init", "adapter", "peft-lora", []string{"lora_B"}},
		{rows, "examples", "jsonl", []string{"4 rows"}},
		{classes, "examples", "csv", []string{"4 rows", "good", "bad"}},
	} {
		o := good(t, "inspect", c.path)
		for _, w := range c.words {
			if !strings.Contains(o.stdout, w) {
				t.Errorf("inspect %s: no %q in\n%s", c.path, w, o.stdout)
			}
		}
		var s struct {
			Kind   string `json:"kind"`
			Format string `json:"format"`
		}
		if err := json.Unmarshal([]byte(good(t, "inspect", c.path, "--json").stdout), &s); err != nil || s.Kind != c.kind || s.Format != c.format {
			t.Errorf("inspect %s --json: %+v, %v; want %s, %s", c.path, s, err, c.kind, c.format)
		}
	}
}

func TestEval(t *testing.T) {
	rows := goldenRows(t, 12)
	type row struct {
		Task  string  `json:"task"`
		Name  string  `json:"name"`
		Shots int     `json:"shots"`
		Seed  uint64  `json:"seed"`
		N     int     `json:"n"`
		Loss  float64 `json:"loss"`
	}
	var out struct {
		Rows []row `json:"rows"`
	}
	common := []string{"eval", "--device", "cpu", "--base", golden, "--inventory", golden + "/s4/adapter_init"}
	o := good(t, append(common, "--examples", rows, "--shots", "4,6", "--seeds", "2", "--method", "mu,z", "--steps", "2", "--json")...)
	if err := json.Unmarshal([]byte(o.stdout), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Rows) != 2*2*4 {
		t.Fatalf("%d rows, want 2 numbers of shots × 2 seeds × base, mean, mu and z", len(out.Rows))
	}
	for i, r := range out.Rows {
		if want := []string{"base", "mean", "mu", "z"}[i%4]; r.Name != want || r.N != 12-r.Shots || r.Loss <= 0 || r.Task != "rows" {
			t.Errorf("row %d: %+v, want %s on the rows that were not drawn", i, r, want)
		}
	}
	dir := t.TempDir()
	for _, n := range []string{"a.jsonl", "b.jsonl"} {
		write(t, filepath.Join(dir, n), string(read(t, rows)))
	}
	write(t, filepath.Join(dir, "notes.txt"), "no task")
	table := good(t, append(common, "--tasks", dir)...).stdout
	for _, w := range []string{"\na ", "\nb ", " base ", " mean "} {
		if !strings.Contains(table, w) {
			t.Errorf("no %q in\n%s", w, table)
		}
	}
	if strings.Contains(table, "notes") {
		t.Errorf("notes.txt is no task:\n%s", table)
	}
}

// base is the real model, where `make base` has put it.
func base(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HANDFUL_BASE")
	if path == "" {
		path = "../../.cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("needs the base model: run `make base`")
	}
	return path
}

func TestGenerate(t *testing.T) {
	b := base(t)
	o := good(t, "generate", "--device", "cpu", "--base", b, "--prompt", "The capital of Germany is", "--max-tokens", "4")
	if !strings.HasPrefix(o.stdout, " Berlin") || !strings.HasSuffix(o.stdout, "\n") {
		t.Errorf("got %q", o.stdout)
	}
}

func TestBench(t *testing.T) {
	o := good(t, "bench", "step", "--device", "cpu", "--base", golden, "--inventory", golden+"/s4/adapter_init", "--rows", "2", "--tokens", "8", "--steps", "1", "--json")
	var r benchReport
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 1 || r.Rows[0].MS <= 0 || r.Rows[0].Dispatch == 0 || r.Rows[0].Name != "mu, 2 × 8 tokens" {
		t.Errorf("got %+v", r.Rows)
	}
}
