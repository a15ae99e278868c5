package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

const (
	golden  = "../../testdata/golden/mhr/llama_gqa"
	t5Relu  = "../../testdata/golden/mhr/t5_relu_tied"
	t5Gated = "../../testdata/golden/mhr/t5_gated_untied"
)

// isT5 tells the golden encoder-decoders.
func isT5(dir string) bool { return dir == t5Relu || dir == t5Gated }

// program is the built binary: these tests see what a person sees.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "handful-cli-*")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "handful")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// outcome is what a run of the program gave.
type outcome struct {
	stdout, stderr string
	code           int
}

func handful(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// good runs the program and wants status 0.
func good(t *testing.T, args ...string) outcome {
	t.Helper()
	o := handful(t, args...)
	if o.code != 0 {
		t.Fatalf("handful %s: status %d\n%s", strings.Join(args, " "), o.code, o.stderr)
	}
	return o
}

// bad runs the program and wants a status, one line on stderr with all of the
// words, and nothing on stdout.
func bad(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	o := handful(t, args...)
	if o.code != code {
		t.Errorf("handful %s: status %d, want %d\n%s%s", strings.Join(args, " "), o.code, code, o.stdout, o.stderr)
		return
	}
	said := strings.TrimSuffix(o.stderr, "\n")
	if said == "" || strings.Contains(said, "\n") {
		t.Errorf("handful %s: want one line, got\n%s", strings.Join(args, " "), o.stderr)
	}
	for _, w := range append(words, "handful: ", "; ") { // the last: a next step
		if !strings.Contains(said, w) {
			t.Errorf("handful %s: %q lacks %q", strings.Join(args, " "), said, w)
		}
	}
	if o.stdout != "" {
		t.Errorf("handful %s: stdout %q, want nothing", strings.Join(args, " "), o.stdout)
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// copyDir copies a folder's files for a test to spoil.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Type().IsRegular() {
			write(t, filepath.Join(to, e.Name()), string(read(t, filepath.Join(from, e.Name()))))
		}
	}
	return to
}

// goldenRows writes the golden batches' rows without their padding as
// pre-tokenised examples, four a batch: the first n, or all when n is 0.
func goldenRows(t *testing.T, n int) string { return rowsIn(t, golden, n) }

func rowsIn(t *testing.T, golden string, n int) string {
	t.Helper()
	f := formattest.Safetensors(t, filepath.Join(golden, "batches.safetensors"))
	ids, mask, labels, task := f.Ints("input_ids"), f.Ints("attention_mask"), f.Ints("labels"), f.Ints("task_ids")
	width, answers := f.Shape("input_ids")[2], f.Shape("labels")[2]
	var out strings.Builder
	for r := range task {
		if n > 0 && r == n {
			break
		}
		row := map[string]any{"task_id": task[r]}
		var x, y []int64
		for i := r * width; i < (r+1)*width; i++ {
			if mask[i] != 0 {
				x = append(x, ids[i])
				if !isT5(golden) {
					y = append(y, labels[i])
				}
			}
		}
		for i := r * answers; i < (r+1)*answers && isT5(golden); i++ {
			if labels[i] >= 0 {
				y = append(y, labels[i])
			}
		}
		row["input_ids"], row["labels"] = x, y
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	return write(t, filepath.Join(t.TempDir(), "rows.jsonl"), out.String())
}
