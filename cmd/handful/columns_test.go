//go:build !js

package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"handful/wasm/rpc"
)

// seconds are the last column of eval's table.
var seconds = regexp.MustCompile(`\| [0-9.]+ \|\n`)

// Columns of other names are read where they are named, by adapt, score, eval
// and draw, as the same rows with the usual names are.
func TestColumns(t *testing.T) {
	dir := t.TempDir()
	base, skills := "../../assets/pocket/base", "../../assets/pocket/inventory"
	usual := write(t, filepath.Join(dir, "usual.csv"), "input,output\nwalk,walks\ntry,tries\njump,jumps\ngo,goes\n")
	other := write(t, filepath.Join(dir, "other.csv"), "id,text,verb,third\n1,a,walk,walks\n2,b,try,tries\n3,c,jump,jumps\n4,d,go,goes\n")
	bare := write(t, filepath.Join(dir, "bare.tsv"), "walks\twalk\ntries\ttry\njumps\tjump\ngoes\tgo\n")
	rows := write(t, filepath.Join(dir, "rows.jsonl"), `{"verb": "walk", "third": "walks"}`+"\n"+`{"third": "tries", "verb": "try"}`+"\n"+`{"verb": "jump", "third": "jumps"}`+"\n"+`{"verb": "go", "third": "goes"}`+"\n")
	given := [][]string{
		{"--examples", usual},
		{"--examples", other, "--input-column", "Verb", "--output-column", "third"},
		{"--examples", other, "--input-column", "3", "--output-column", "4"},
		{"--examples", bare, "--input-column", "2", "--output-column", "1", "--no-header"},
		{"--examples", rows, "--input-column", "verb", "--output-column", "third"},
	}
	for name, command := range map[string][]string{
		"score": {"score", "--device", "cpu", "--base", base},
		"eval":  {"eval", "--device", "cpu", "--base", base, "--markdown"},
	} {
		var want string
		for i, more := range given {
			o := good(t, append(command[:len(command):len(command)], more...)...)
			got := seconds.ReplaceAllString(o.stdout, "")
			for _, file := range []string{"other", "bare", "rows"} { // eval names a task by its file
				got = strings.ReplaceAll(got, file, "usual")
			}
			if i == 0 {
				want = got
			}
			if got != want {
				t.Errorf("%s %v: got\n%s, want\n%s", name, more, got, want)
			}
		}
	}
	out := filepath.Join(dir, "out")
	var want string
	for i, more := range given {
		good(t, append([]string{"adapt", "--device", "cpu", "--base", base, "--inventory", skills, "--method", "z", "--steps", "2", "--held", more[1], "--out", out}, more...)...)
		got := string(read(t, filepath.Join(out, "adapter_model.safetensors")))
		if i == 0 {
			want = got
		}
		if got != want {
			t.Errorf("adapt %v learns something else", more)
		}
	}
	o := handful(t, "adapt", "--device", "cpu", "--base", base, "--inventory", skills, "--method", "z", "--out", out, "--examples", other, "--input-column", "verbs", "--output-column", "third")
	if o.code != 1 || !strings.Contains(o.stderr, `examples: --input-column "verbs" is no column; there are 1 "id", 2 "text", 3 "verb", 4 "third"; name one of them`) {
		t.Errorf("status %d, %s", o.code, o.stderr)
	}
	good(t, "draw", "--examples", other, "--input-column", "verb", "--output-column", "third", "--shots", "2", "--out", filepath.Join(dir, "draws"))
	if drawn := string(read(t, filepath.Join(dir, "draws", "other.2.0.json"))); !strings.Contains(drawn, `"output": "goes"`) || strings.Contains(drawn, `"a"`) {
		t.Errorf("drawn: %s", drawn)
	}
}

// The calls' options name columns too; what is previewed are the same rows.
func TestColumnsByCalls(t *testing.T) {
	c := startRPC(t, "--base", "../../assets/pocket/base")
	if e, _ := c.next(); e.Kind != rpc.Ready {
		t.Fatalf("got %s, want ready", e.Kind)
	}
	const table = "verb,third\nwalk,walks\n"
	var seen struct {
		Rows  int
		Table []struct{ Input, Output string }
	}
	e, _, _ := c.call("preview", map[string]any{"examples": table, "inputColumn": "third", "outputColumn": "verb"})
	if err := json.Unmarshal(e.Data, &seen); err != nil || seen.Rows != 1 || seen.Table[0].Input != "walks" || seen.Table[0].Output != "walk" {
		t.Errorf("preview: %s, %v, %v", e.Data, e.Err, err)
	}
	for call, more := range map[string]string{"preview": "row", "score": "adapter", "evaluate": "adapter", "adapt": "method"} {
		e, _, _ := c.call(call, map[string]any{"examples": table, "inputColumn": "verbs", more: map[string]any{"row": 0, "adapter": "base", "method": "lora"}[more]})
		if e.Err == nil || !strings.Contains(e.Err.Error(), `--input-column "verbs" is no column; there are 1 "verb", 2 "third"`) {
			t.Errorf("%s: %v", call, e.Err)
		}
	}
}
