package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// adaptArgs adapts the golden model quickly.
func adaptArgs(t *testing.T, method, out string, more ...string) []string {
	return append([]string{"adapt", "--device", "cpu", "--base", golden, "--inventory", golden + "/s4/adapter_init", "--examples", goldenRows(t, 8),
		"--method", method, "--out", out, "--steps", "3", "--batch", "4"}, more...)
}

// names lists a folder's files by their slash paths.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each method writes its kind of PEFT folder, and never the examples.
func TestAdaptWrites(t *testing.T) {
	for _, c := range []struct {
		method, peft string
		subs         []string
		weights      bool // of the routing
	}{
		{"z", "POLY", []string{"", "lora/"}, true},
		{"mu", "LORA", []string{""}, false},
		{"mhr", "POLY", []string{""}, true},
		{"lora", "LORA", []string{""}, false},
		{"ia3", "IA3", []string{""}, false},
	} {
		t.Run(c.method, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "made", "out")
			good(t, adaptArgs(t, c.method, out, "--save-steps", "2")...)
			var want []string
			for _, top := range []string{"", "step2/"} {
				for _, sub := range c.subs {
					want = append(want, top+sub+"README.md", top+sub+"adapter_config.json", top+sub+"adapter_model.safetensors")
				}
			}
			want = append(want, "routing.json", "train.jsonl")
			got := names(t, out)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			var config struct {
				Type  string   `json:"peft_type"`
				Alpha *float64 `json:"lora_alpha"`
				Tasks int      `json:"n_tasks"`
			}
			if err := json.Unmarshal(read(t, filepath.Join(out, "adapter_config.json")), &config); err != nil {
				t.Fatal(err)
			}
			if config.Type != c.peft || (c.peft == "LORA") != (config.Alpha != nil && *config.Alpha == 1) || c.method == "z" && config.Tasks != 1 {
				t.Errorf("adapter_config.json: %+v", config)
			}
			var routing struct {
				Device     string        `json:"device"`
				Adapter    string        `json:"adapter"`
				Family     string        `json:"kernel_family"`
				Dispatches int           `json:"dispatches"`
				Sites      []string      `json:"sites"`
				Weights    [][][]float64 `json:"weights"`
			}
			if err := json.Unmarshal(read(t, filepath.Join(out, "routing.json")), &routing); err != nil {
				t.Fatal(err)
			}
			if routing.Device != "cpu" || routing.Adapter == "" || routing.Family == "" || routing.Dispatches == 0 || (len(routing.Weights) > 0) != c.weights || len(routing.Sites) != len(routing.Weights) {
				t.Errorf("routing.json: %+v", routing)
			}
			// What was written can be read, scored and started from.
			good(t, "inspect", out)
			good(t, "score", "--device", "cpu", "--base", golden, "--adapter", out, "--examples", goldenRows(t, 2), "--json")
		})
	}
}

// z's POLY folder and the LORA it collapses to are one model.
func TestCollapsedScoresAlike(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	good(t, adaptArgs(t, "z", out, "--router-lr", "1")...)
	rows := goldenRows(t, 4)
	var loss [2]float64
	for i, dir := range []string{out, filepath.Join(out, "lora")} {
		var s scores
		if err := json.Unmarshal([]byte(good(t, "score", "--device", "cpu", "--base", golden, "--adapter", dir, "--examples", rows, "--json").stdout), &s); err != nil {
			t.Fatal(err)
		}
		loss[i] = s.Loss
	}
	if !near(loss[0], loss[1], 1e-5, 0) {
		t.Errorf("POLY %v, LORA %v", loss[0], loss[1])
	}
}

// The same seed gives the same bytes, another seed others.
func TestFault42Seeds(t *testing.T) {
	var models [3]string
	for i, seed := range []string{"7", "7", "8"} {
		out := filepath.Join(t.TempDir(), "out")
		good(t, adaptArgs(t, "z", out, "--seed", seed, "--holdout", "0.25")...)
		models[i] = string(read(t, filepath.Join(out, "adapter_model.safetensors")))
	}
	if models[0] != models[1] || models[0] == models[2] {
		t.Error("want equal results for equal seeds, and only for them")
	}
}

// Held-out rows are scored: base, mean and adapted.
func TestHoldout(t *testing.T) {
	for _, more := range [][]string{{"--holdout", "0.5"}, {"--held", goldenRows(t, 4)}} {
		o := good(t, adaptArgs(t, "mu", filepath.Join(t.TempDir(), "out"), more...)...)
		for _, name := range []string{"base ", "mean ", "adapted "} {
			if !strings.Contains(o.stderr, "\n"+name) {
				t.Errorf("%v: no score of %s in\n%s", more, name, o.stderr)
			}
		}
	}
}

// The loss of held-out rows is followed, and --keep best keeps the step where it
// was lowest.
func TestKeep(t *testing.T) {
	out, held := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "held.jsonl")
	write(t, held, `{"input_ids": [5, 17, 40, 9], "labels": [-100, -100, 9, 40]}`) // learning the examples makes it worse
	args := adaptArgs(t, "mu", out, "--held", held, "--steps", "30", "--lr", "0.01", "--schedule", "constant")
	o := good(t, append(args, "--keep", "last")...)
	low := regexp.MustCompile(`held-out loss [0-9.]+ after step \d+ to [0-9.]+ after step 30; it was lowest after step (\d+), with ([0-9.]+): --keep best keeps that`).FindStringSubmatch(o.stderr)
	if low == nil {
		t.Fatalf("stderr: %s", o.stderr)
	}
	if log := string(read(t, filepath.Join(out, "train.jsonl"))); !strings.Contains(log, `"held_loss":`) {
		t.Errorf("train.jsonl: %s", log)
	}
	o = good(t, append(args, "--keep", "best")...)
	if want := "; kept is step " + low[1] + ", the lowest with " + low[2]; !strings.Contains(o.stderr, want) {
		t.Errorf("want %q in %s", want, o.stderr)
	}
	if card := string(read(t, filepath.Join(out, "README.md"))); !strings.Contains(card, "Kept is the state after step "+low[1]+",") {
		t.Errorf("README.md: %s", card)
	}
}

// An earlier result is replaced as a whole.
func TestAdaptReplaces(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	good(t, adaptArgs(t, "z", out, "--save-steps", "1")...)
	good(t, adaptArgs(t, "mu", out)...)
	for _, gone := range []string{"step1", "lora"} {
		if _, err := os.Stat(filepath.Join(out, gone)); err == nil {
			t.Errorf("%s of the earlier result is still there", gone)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".handful-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Where a file may not grow to its size nothing half is left, and the earlier
// result stays.
func TestFault43AFullDisk(t *testing.T) {
	unix(t)
	out := filepath.Join(t.TempDir(), "out")
	good(t, adaptArgs(t, "z", out)...)
	before := read(t, filepath.Join(out, "adapter_model.safetensors"))
	limited := exec.Command("sh", append([]string{"-c", `trap '' XFSZ; ulimit -f 1; exec "$0" "$@"`, program}, adaptArgs(t, "mu", out)...)...)
	said, err := limited.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "handful: --out: ") || !strings.Contains(string(said), ";") {
		t.Errorf("the fault is %q", said)
	}
	if string(read(t, filepath.Join(out, "adapter_model.safetensors"))) != string(before) {
		t.Error("the earlier result has changed")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".handful-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	good(t, adaptArgs(t, "mu", out)...)
}

// Ctrl-C ends a run within a step and keeps what was learned.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process can't be interrupted by another on Windows")
	}
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(program, adaptArgs(t, "mu", out, "--steps", "20000", "--save-steps", "1")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if saved, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".handful-*", "step1", "README.md")); len(saved) > 0 {
			break
		}
		if time.Since(begin) > time.Minute {
			cmd.Process.Kill()
			t.Fatalf("no step within a minute\n%s", errs.String())
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		t.Fatal("the run did not stop")
	}
	if !strings.Contains(errs.String(), "stopped after ") {
		t.Errorf("stderr: %q", errs.String())
	}
	if log := read(t, filepath.Join(out, "train.jsonl")); len(log) == 0 {
		t.Error("train.jsonl is empty")
	}
	good(t, "score", "--device", "cpu", "--base", golden, "--adapter", out, "--examples", goldenRows(t, 2))
}

// What an inventory recommends is taken where no flag says otherwise, by adapt
// and by eval, and inspect shows it.
func TestRecommendedSettings(t *testing.T) {
	dir := t.TempDir()
	inv := filepath.Join(dir, "skills")
	if err := os.CopyFS(inv, os.DirFS(golden+"/s4/adapter_init")); err != nil {
		t.Fatal(err)
	}
	manifest := `{"name": "golden", "tasks": ["a", "b", "c"], "few_shot": {"z": {"router_lr": 0.5, "steps": 3}, "mu": {"lr": 0.002}}}`
	write(t, filepath.Join(inv, "manifest.json"), manifest)
	if o := good(t, "inspect", inv); !strings.Contains(o.stdout, "few-shot z             router_lr 0.5, steps 3\n") || !strings.Contains(o.stdout, "few-shot mu            lr 0.002\n") {
		t.Errorf("inspect:\n%s", o.stdout)
	}
	settings := func(out string) (s struct {
		Settings struct {
			Steps  int     `json:"steps"`
			Router float64 `json:"router_lr"`
		} `json:"settings"`
	}) {
		if err := json.Unmarshal(read(t, filepath.Join(out, "routing.json")), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	args := []string{"adapt", "--device", "cpu", "--base", golden, "--inventory", inv, "--examples", goldenRows(t, 4), "--method", "z", "--out"}
	o := good(t, append(args, filepath.Join(dir, "a"))...)
	if s := settings(filepath.Join(dir, "a")).Settings; s.Steps != 3 || s.Router != .5 || !strings.Contains(o.stderr, "as the inventory recommends: steps 3, router-lr 0.5\n") {
		t.Errorf("adapt took %+v\n%s", s, o.stderr)
	}
	o = good(t, append(args, filepath.Join(dir, "b"), "--steps", "2", "--router-lr", "0.1")...)
	if s := settings(filepath.Join(dir, "b")).Settings; s.Steps != 2 || s.Router != .1 || strings.Contains(o.stderr, "recommends") {
		t.Errorf("with flags adapt took %+v\n%s", s, o.stderr)
	}

	eval := []string{"eval", "--device", "cpu", "--base", golden, "--inventory", inv, "--examples", goldenRows(t, 8), "--shots", "4", "--method", "z,z:router-lr=0.1"}
	for _, c := range []struct {
		flags []string
		want  string
	}{{nil, "z 3 0.5; z:router-lr=0.1 3 0.1; "}, {[]string{"--steps", "2", "--router-lr", "0.2"}, "z 2 0.2; z:router-lr=0.1 2 0.1; "}} {
		got := ""
		for _, r := range evalRows(t, append(eval, c.flags...)...) {
			var s struct {
				Steps    int     `json:"steps"`
				RouterLR float64 `json:"routerLr"`
			}
			if r.Settings == nil {
				continue
			}
			if err := json.Unmarshal(r.Settings, &s); err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s %d %g; ", r.Name, s.Steps, s.RouterLR)
		}
		if got != c.want {
			t.Errorf("eval %v took %s, want %s", c.flags, got, c.want)
		}
	}
	write(t, filepath.Join(inv, "manifest.json"), strings.Replace(manifest, "router_lr", "router_rate", 1))
	bad(t, 1, []string{"manifest.json", "router_rate", "newer version"}, append(args, filepath.Join(dir, "c"))...)
}
