package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyResults copies the invented results for a test to write beside.
func copyResults(t *testing.T) (dir, out string) {
	t.Helper()
	root := t.TempDir()
	dir = filepath.Join(root, "results")
	if err := os.CopyFS(dir, os.DirFS("testdata/results")); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(root, "results.md")
}

// The page and plots are those that are committed, byte for byte, made by
//
//	go run ./cmd/results -dir cmd/results/testdata/results -out cmd/results/testdata/results.md
func TestPage(t *testing.T) {
	dir, out := copyResults(t)
	if err := generate(dir, out); err != nil {
		t.Fatal(err)
	}
	same := func(got, want string) {
		a, err := os.ReadFile(got)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is not what is committed: make it again and read the difference", want)
		}
	}
	same(out, "testdata/results.md")
	plots, err := filepath.Glob("testdata/results/*.svg")
	if err != nil || len(plots) != 4 {
		t.Fatalf("plots %v, %v", plots, err)
	}
	for _, p := range plots {
		same(filepath.Join(dir, filepath.Base(p)), p)
	}
	page, _ := os.ReadFile(out)
	if far, near := strings.Index(string(page), "far tasks"), strings.Index(string(page), "near tasks"); far < 0 || near < far {
		t.Errorf("far tasks at %d, near ones at %d", far, near)
	}
	for _, w := range []string{"beta ¹", "data not redistributable", "`somewhere/alpha.jsonl`", "mu − lora", "z − z-random", "Invented numbers", "The same cells by two programs", "9 of 10", "| -0.250 | -0.600 to +0.100 |", "1 of 2", "| -0.1667 | -0.2000 to -0.1500 |", "33.3 % | 66.7 %"} {
		if !strings.Contains(string(page), w) {
			t.Errorf("no %q", w)
		}
	}
}

// Two lines of one cell by different settings don't go in one table.
func TestTwoOfACell(t *testing.T) {
	dir, out := copyResults(t)
	f := filepath.Join(dir, "synthetic.jsonl")
	b, err := os.ReadFile(f)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(bytes.Clone(b), []byte("\n"))
	i := bytes.Index(line, []byte(`"key":"`)) + len(`"key":"`)
	line[i] ^= 1
	if err := os.WriteFile(f, append(b, append(line, '\n')...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir, out); err == nil || !strings.Contains(err.Error(), "two results of alpha") {
		t.Errorf("got %v", err)
	}
}
