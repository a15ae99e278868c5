package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A random model has its shape's tensors and is scored and adapted like any
// other; it replaces nothing.
func TestRandomModel(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t5")
	rows := write(t, filepath.Join(t.TempDir(), "rows.jsonl"), `{"input_ids":[100,31000,1],"labels":[12,1]}`+"\n"+`{"input_ids":[7,1],"labels":[13,1]}`+"\n")
	if o := good(t, "random-model", "--shape", "t5-v1_1-small", "--dtype", "bf16", "--seed", "3", "--out", dir); o.stdout != dir+"\n" {
		t.Errorf("stdout %q", o.stdout)
	}
	o := good(t, "inspect", dir)
	for _, words := range []string{"76961152 parameters", "8 and 8 of the encoder", "BF16"} {
		if !strings.Contains(o.stdout, words) {
			t.Errorf("no %q in\n%.600s", words, o.stdout)
		}
	}
	good(t, "score", "--device", "cpu", "--base", dir, "--examples", rows)
	bad(t, 1, []string{"config.json", "name a new folder"}, "random-model", "--shape", "t5-small", "--out", dir)
	bad(t, 2, []string{`no shape "t6"`, "t5-base"}, "random-model", "--shape", "t6", "--out", filepath.Join(dir, "x"))
	bad(t, 2, []string{"--dtype"}, "random-model", "--shape", "t5-small", "--dtype", "q4", "--out", filepath.Join(dir, "x"))
	bad(t, 2, []string{"--shape"}, "random-model", "--out", filepath.Join(dir, "x"))
}
