package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/format/safetensors"
)

// The page's self-test: the golden Llama with its skills and the losses that
// PyTorch had over ten steps of each method (testdata/golden/mhr), laid out for
// the page. HANDFUL_WRITE=1 go test ./core/engine -run SelfTest writes it.
const selfTest = "../../assets/selftest"

// goldenRun is a run of golden.json: options of adapt, and the losses to come.
type goldenRun struct {
	Name    string         `json:"name"`
	Options map[string]any `json:"options"`
	Losses  []float64      `json:"losses"`
}

type goldenFile struct {
	Made      string      `json:"made"`
	Tolerance float64     `json:"tolerance"` // of a loss, absolute
	Examples  string      `json:"examples"`
	Runs      []goldenRun `json:"runs"`
}

// selfTestFiles makes the files of assets/selftest from the golden vectors.
func selfTestFiles(t *testing.T) map[string][]byte {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(golden, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	out := map[string][]byte{"base/config.json": read("config.json"), "base/model.safetensors": read("model.safetensors")}

	// z learns a router of its own: it becomes a fourth row beside the three tasks'.
	inv, fresh := formattest.Safetensors(t, filepath.Join(golden, "s4/adapter_init/adapter_model.safetensors")), formattest.Safetensors(t, filepath.Join(golden, "s4/mhr_z/init_logits.safetensors"))
	var ts []safetensors.Tensor
	for _, name := range inv.Names() {
		shape := inv.Shape(name)
		data := inv.F32(name)
		if strings.HasSuffix(name, "module_logits") {
			data = append(data, fresh.F32(name)...)
			shape = []int{shape[0] + 1, shape[1]}
		}
		ts = append(ts, safetensors.Tensor{Name: name, Shape: shape, Data: data})
	}
	weights, err := safetensors.Encode(ts, nil)
	if err != nil {
		t.Fatal(err)
	}
	out["inventory/adapter_model.safetensors"] = weights
	out["inventory/adapter_config.json"] = bytes.Replace(read("s4/adapter_init/adapter_config.json"), []byte(`"n_tasks": 3`), []byte(`"n_tasks": 4`), 1)

	g := goldenFile{Made: "transformers 5.23.0, PEFT 0.21.2, torch 2.15.0", Tolerance: 2e-4, Examples: goldenRows(t)}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(read("s4/meta.json"), &meta); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct{ name, dir, init string }{{"mhr", "mhr_full", "keep"}, {"z", "mhr_z", "task:3"}, {"mu", "mhr_mu", ""}} {
		var run struct{ Losses []float64 }
		if err := json.Unmarshal(meta[r.dir], &run); err != nil {
			t.Fatal(err)
		}
		o := map[string]any{"method": r.name, "steps": 10, "batch": 4, "order": "file", "lr": 1e-3, "routerLr": .1, "weightDecay": .01, "clip": 0, "warmup": 0, "schedule": "constant"}
		if r.init != "" {
			o["routerInit"] = r.init
		}
		g.Runs = append(g.Runs, goldenRun{r.name, o, run.Losses})
	}
	if out["golden.json"], err = json.MarshalIndent(g, "", " "); err != nil {
		t.Fatal(err)
	}
	return out
}

// goldenRows are the rows of the golden batches in order, without padding.
func goldenRows(t *testing.T) string {
	t.Helper()
	f := formattest.Safetensors(t, filepath.Join(golden, "batches.safetensors"))
	ids, labels, mask, tasks := f.Ints("input_ids"), f.Ints("labels"), f.Ints("attention_mask"), f.Ints("task_ids")
	width := len(ids) / len(tasks)
	var b strings.Builder
	for r, task := range tasks {
		row := map[string]any{"task_id": task}
		var id, label []int64
		for i := r * width; i < (r+1)*width; i++ {
			if mask[i] != 0 {
				id, label = append(id, ids[i]), append(label, labels[i])
			}
		}
		row["input_ids"], row["labels"] = id, label
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// TestSelfTest holds the page's files against the golden vectors, and runs them
// as the page does.
func TestSelfTest(t *testing.T) {
	for name, want := range selfTestFiles(t) {
		at := filepath.Join(selfTest, name)
		if os.Getenv("HANDFUL_WRITE") != "" {
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(at); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the golden vectors make of it (%v): HANDFUL_WRITE=1 go test ./core/engine -run SelfTest", at, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(selfTest, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g goldenFile
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) {
			e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, selfTest+"/base"), Inventory: formattest.Folder(t, selfTest+"/inventory"), Device: device.Options{Kind: kind}})
			if fault.Is(err, fault.NoGPU) {
				t.Skipf("SKIPPED: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for _, r := range g.Runs {
				o := e.Defaults(r.Options["method"].(string))
				raw, err := json.Marshal(r.Options)
				if err == nil {
					err = json.Unmarshal(raw, &o)
				}
				if err != nil {
					t.Fatal(err)
				}
				o.Examples = g.Examples
				f, err := e.Adapt(context.Background(), o, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(f.Losses) != len(r.Losses) || len(r.Losses) != 10 {
					t.Fatalf("%s: got %d losses, want %d", r.Name, len(f.Losses), len(r.Losses))
				}
				for i, want := range r.Losses {
					if d := math.Abs(f.Losses[i] - want); !(d <= g.Tolerance) {
						t.Errorf("%s, step %d: got the loss %v, want %v", r.Name, i+1, f.Losses[i], want)
					}
				}
			}
		})
	}
}
