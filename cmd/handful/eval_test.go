package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/engine"
	"handful/core/eval"
)

func TestParseMethods(t *testing.T) {
	got, err := parseMethods([]string{"base,z:router-lr=0.3,steps=60,router-init=task:3", "poly/mu:lr=0.01", "lora"})
	if err != nil {
		t.Fatal(err)
	}
	want := []evalMethod{
		{Name: "base", Method: "base"},
		{Name: "z:router-lr=0.3,steps=60,router-init=task:3", Method: "z", settings: [][2]string{{"router-lr", "0.3"}, {"steps", "60"}, {"router-init", "task:3"}}},
		{Name: "poly/mu:lr=0.01", Inventory: "poly", Method: "mu", settings: [][2]string{{"lr", "0.01"}}},
		{Name: "lora", Method: "lora"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want {
		if g := got[i]; g.Name != w.Name || g.Inventory != w.Inventory || g.Method != w.Method || !slices.Equal(g.settings, w.settings) {
			t.Errorf("method %d: %+v, want %+v", i, g, w)
		}
	}
	v := &evalFlags{steps: 40}
	for _, m := range got[1:3] {
		o, err := v.options(nil, m, "do it")
		if err != nil {
			t.Fatal(err)
		}
		if m.Method == "z" && (o.RouterLR != 0.3 || o.Steps != 60 || o.RouterInit != "task:3" || o.LR != engine.Defaults("z").LR) || m.Method == "mu" && (o.LR != 0.01 || o.Steps != 40) {
			t.Errorf("%s: %+v", m.Name, o)
		}
	}
	o := engine.Defaults("lora")
	for _, s := range [][2]string{{"targets", "q_proj"}, {"weight-decay", "0.1"}, {"clip", "0"}, {"schedule", "constant"}} {
		if err := set(&o, s[0], s[1]); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(o.Targets, []string{"q_proj"}) || *o.WeightDecay != 0.1 || o.Clip != 0 || o.Schedule != "constant" {
		t.Errorf("got %+v", o)
	}
	for _, bad := range [][2]string{{"steps", "many"}, {"fly", "1"}, {"steps", "1}"}, {"steps-", "1"}, {"lr", "1 2"}} {
		if err := set(&o, bad[0], bad[1]); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	for _, bad := range []string{"steps=3", "z:steps", "z:=3"} {
		if _, err := parseMethods([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestEvalUsage(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"eval", "--base", "b", "--inventory", "i", "--examples", "e", "--shots", "4"}, more...)
	}
	for _, c := range []struct {
		word string
		args []string
	}{
		{"steps=many", args("--method", "z:steps=many")},
		{"--steps 0", args("--method", "z:steps=0")},
		{"shots=3", args("--method", "z:shots=3")},
		{"METHOD:KEY=VALUE", args("--method", "steps=3")},
		{"trains nothing", args("--method", "icl:steps=3")},
		{`no --inventory is named "poly"`, args("--method", "poly/z")},
		{"--method file wants --adapter", args("--method", "file")},
		{"two have the name", args("--inventory", "j")},
		{`--metric "f1"`, args("--metric", "f1")},
		{"--max-tokens", args("--max-tokens", "0")},
		{"one of --json and --markdown", args("--json", "--markdown")},
	} {
		bad(t, 2, []string{c.word}, c.args...)
	}
}

// evalRows runs eval and gives its rows.
func evalRows(t *testing.T, args ...string) []eval.Result {
	t.Helper()
	var out struct{ Rows []eval.Result }
	if err := json.Unmarshal([]byte(good(t, append(args, "--json")...).stdout), &out); err != nil {
		t.Fatal(err)
	}
	return out.Rows
}

// Every method gives a cell of its own; a finished cell is read from the file
// instead of being done again, also after a run that was killed in the middle.
func TestEvalMethods(t *testing.T) {
	dir := t.TempDir()
	rows := goldenRows(t, 12)
	file := filepath.Join(dir, "out.jsonl")
	args := []string{"eval", "--device", "cpu", "--base", golden, "--inventory", golden + "/s4/adapter_init", "--inventory", "poly=" + golden + "/s1/adapter_init",
		"--examples", rows, "--shots", "6", "--steps", "2", "--out", file, "--max-tokens", "4",
		"--method", "icl,best-task,z,z:steps=3,z-random,lora,poly/z,poly/mean"}
	first := evalRows(t, args...)
	var names []string
	for _, r := range first {
		names = append(names, r.Name)
		if r.N != 6 || len(r.Hits) != 6 || len(r.Rouge) != 6 || r.Metric != "exact" || r.Exact == nil || r.Loss <= 0 || len(r.Data) != 64 || !strings.Contains(r.Base, "sha256:") {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
	if want := []string{"base", "mean", "icl", "best-task", "z", "z:steps=3", "z-random", "lora", "poly/z", "poly/mean"}; !slices.Equal(names, want) {
		t.Fatalf("names %v, want %v", names, want)
	}
	by := map[string]eval.Result{}
	for _, r := range first {
		by[r.Name] = r
	}
	if r := by["icl"]; r.Shown != 6 && r.Shown < 1 || r.Loss == by["base"].Loss {
		t.Errorf("icl shows %d examples, loss %v", r.Shown, r.Loss)
	}
	if by["best-task"].Chosen == "" || by["z"].Trainable == 0 || by["z"].Bytes != 4*int64(by["z"].Trainable) || by["z"].Trainable <= by["poly/z"].Trainable {
		t.Errorf("best-task %+v, z %+v, poly/z %+v", by["best-task"], by["z"], by["poly/z"])
	}
	if by["z"].Loss == by["z-random"].Loss || by["poly/mean"].Inventory == by["mean"].Inventory || by["lora"].Inventory != "" {
		t.Error("methods of different inventories give the same")
	}

	b := read(t, file)
	lines := strings.SplitAfter(string(b), "\n")
	if len(lines) != 11 {
		t.Fatalf("%d lines, want 10", len(lines)-1)
	}
	torn := strings.Join(lines[:8], "") + lines[8][:30]
	write(t, file, torn)
	o := good(t, append(args, "--json")...)
	if n := strings.Count(o.stderr, "6 shots"); n != 2 || !strings.Contains(o.stderr, "30 bytes of an unfinished line") {
		t.Errorf("%d cells were done again, want 2:\n%s", n, o.stderr)
	}
	again := read(t, file)
	if !strings.HasPrefix(string(again), strings.Join(lines[:8], "")) || strings.Count(string(again), "\n") != 10 {
		t.Errorf("the file has lost or doubled lines:\n%s", again)
	}
	var out struct{ Rows []eval.Result }
	if err := json.Unmarshal([]byte(o.stdout), &out); err != nil || len(out.Rows) != 10 {
		t.Fatalf("%d rows, %v", len(out.Rows), err)
	}
	for i, r := range out.Rows {
		if r.Key != first[i].Key || r.Loss != first[i].Loss || r.Hits != first[i].Hits {
			t.Errorf("%s differs after going on: %v, %v", r.Name, r.Loss, first[i].Loss)
		}
	}
	if o := good(t, append(args, "--limit", "3")...); strings.Count(o.stderr, "6 shots") != 10 {
		t.Error("another --limit is another result")
	}
}

// A method that diverges doesn't end a grid; the others are kept.
func TestEvalGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.jsonl")
	args := []string{"eval", "--device", "cpu", "--base", golden, "--inventory", golden + "/s4/adapter_init", "--examples", goldenRows(t, 8), "--shots", "4", "--out", file,
		"--method", "mhr:lr=1e30,router-lr=1e30,clip=0,warmup=0,schedule=constant,steps=3", "--method", "z:steps=1"}
	o := handful(t, args...)
	if o.code != 1 || !strings.Contains(o.stderr, "1 of 4 cells failed") {
		t.Errorf("status %d\n%s", o.code, o.stderr)
	}
	if n := strings.Count(string(read(t, file)), "\n"); n != 3 {
		t.Errorf("%d results, want those of base, mean and z", n)
	}
}

func TestEvalManifestAndPlots(t *testing.T) {
	dir := t.TempDir()
	tasks := filepath.Join(dir, "tasks")
	row := string(read(t, goldenRows(t, 8)))
	for _, n := range []string{"a.jsonl", "b.jsonl"} {
		write(t, filepath.Join(tasks, n), row)
	}
	write(t, filepath.Join(tasks, "manifest.json"), `[{"name":"a","distance":"far","instruction":"say it","labels":null},{"name":"c"}]`)
	args := []string{"eval", "--device", "cpu", "--base", golden, "--tasks", tasks, "--max-tokens", "2"}
	rows := evalRows(t, append(args, "--plots", filepath.Join(dir, "plots"))...)
	if len(rows) != 2 || rows[0].Distance != "far" || rows[1].Distance != "" {
		t.Errorf("got %+v", rows)
	}
	if svg := string(read(t, filepath.Join(dir, "plots", "by-method.svg"))); !strings.Contains(svg, "<svg") {
		t.Errorf("no plot: %.40s", svg)
	}
	if _, err := os.Stat(filepath.Join(dir, "plots", "by-shots.svg")); err == nil {
		t.Error("a plot by shots of one number of shots")
	}
	if rows := evalRows(t, append(args, "--only", "b")...); len(rows) != 1 || rows[0].Task != "b" {
		t.Errorf("only b: %+v", rows)
	}
	if md := good(t, append(args, "--markdown")...).stdout; !strings.HasPrefix(md, "| task | method |") {
		t.Errorf("markdown: %s", md)
	}
	bad(t, 1, []string{"--metric", "no labels"}, append(args, "--metric", "balanced")...)
	bad(t, 1, []string{"--only"}, append(args, "--only", "b,nosuch")...)
	write(t, filepath.Join(tasks, "manifest.json"), `{"name":"a"}`)
	bad(t, 1, []string{"manifest.json", "list of tasks"}, args...)
}

// On the real base: labels of the rows, of balanced accuracy, examples in the
// prompt, and answers as text.
func TestEvalReal(t *testing.T) {
	b := base(t)
	rows := filepath.Join(t.TempDir(), "sms.jsonl")
	all := strings.SplitAfter(string(read(t, "../../core/task/testdata/sms_spam.jsonl")), "\n")
	write(t, rows, strings.Join(all[:9], ""))
	args := []string{"eval", "--device", "cpu", "--base", b, "--examples", rows, "--shots", "4", "--limit", "3", "--method", "icl"}
	for _, r := range evalRows(t, args...) {
		if !slices.Equal(r.Labels, []string{"ham", "spam"}) || r.N != 3 || len(r.Gold) != 3 || slices.Contains(r.Got, -1) || r.Metric != "balanced" {
			t.Errorf("got %+v", r)
		}
		if want := map[string]int{"base": 0, "icl": 4}[r.Name]; r.Shown != want {
			t.Errorf("%s: %d examples shown, want %d", r.Name, r.Shown, want)
		}
	}
	for _, r := range evalRows(t, append(args, "--metric", "rougeL", "--max-tokens", "4")...) {
		if r.Metric != "rougeL" || r.RougeL == nil || len(r.Rouge) != 3 || r.Gold != nil {
			t.Errorf("got %+v", r)
		}
	}
}
