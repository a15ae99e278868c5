package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// alignFolder holds golden batches 0, 1, 2 as tasks of that id, four rows each.
func alignFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	lines := bufio.NewScanner(strings.NewReader(string(read(t, goldenRows(t, 12)))))
	files := make([]strings.Builder, 3)
	for r := 0; lines.Scan(); r++ {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		row["task_id"] = r / 4
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		files[r/4].Write(append(b, '\n'))
	}
	for i := range files {
		write(t, filepath.Join(dir, fmt.Sprintf("task%d.jsonl", i)), files[i].String())
	}
	write(t, filepath.Join(dir, "notes.txt"), "not a task")
	return dir
}

type aligned struct {
	Tasks      []string    `json:"tasks"`
	Rows       []int       `json:"rows"`
	Norm       []float64   `json:"grad_norm"`
	Cosine     [][]float64 `json:"cosine"`
	Mean       float64     `json:"mean"`
	Parameters int         `json:"parameters"`
}

func align(t *testing.T, args ...string) (a aligned) {
	t.Helper()
	o := good(t, append([]string{"align", "--base", golden, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(o.stdout), &a); err != nil {
		t.Fatalf("%v in %q", err, o.stdout)
	}
	return a
}

func TestAlignGolden(t *testing.T) {
	f := formattest.Safetensors(t, filepath.Join(golden, "s4", "tfew_align.safetensors"))
	cosine, norm := f.F32("grad_alignment.cosine"), f.F32("grad_alignment.grad_norm")
	dir := alignFolder(t)
	devices(t, func(t *testing.T, device ...string) {
		for _, flag := range []string{"--inventory", "--adapter"} { // a POLY adapter keeps its skills
			a := align(t, append(device, "--tasks", dir, flag, golden+"/s4/adapter_init")...)
			if strings.Join(a.Tasks, " ") != "task0 task1 task2" || a.Rows[2] != 4 {
				t.Fatalf("%s: tasks %v of %v rows", flag, a.Tasks, a.Rows)
			}
			for i, want := range norm {
				if !near(a.Norm[i], float64(want), 2e-5, 1e-4) {
					t.Errorf("%s: norm %d is %v, want %v", flag, i, a.Norm[i], want)
				}
				for j := range norm {
					if want := float64(cosine[3*i+j]); !near(a.Cosine[i][j], want, 5e-5, 1e-4) {
						t.Errorf("%s: cosine %d, %d is %v, want %v", flag, i, j, a.Cosine[i][j], want)
					}
				}
			}
			if want := float64(cosine[1]+cosine[2]+cosine[5]) / 3; !near(a.Mean, want, 5e-5, 1e-4) {
				t.Errorf("%s: mean %v, want %v", flag, a.Mean, want)
			}
		}
	})
}

func TestAlign(t *testing.T) {
	dir := alignFolder(t)
	cpu := []string{"--device", "cpu", "--tasks", dir}
	poly := align(t, append(cpu, "--inventory", golden+"/s1/adapter_init", "--rows", "2")...)
	if poly.Rows[0] != 2 || poly.Cosine[0][1] != poly.Cosine[1][0] || !near(poly.Cosine[2][2], 1, 1e-6, 0) {
		t.Errorf("Poly: %+v", poly)
	}
	lora := align(t, append(cpu, "--adapter", golden+"/s4/mhr_mu/adapter_init")...)
	if lora.Parameters*4 != align(t, append(cpu, "--adapter", golden+"/s4/adapter_init")...).Parameters {
		t.Errorf("a LoRA has %d parameters, want a fourth of four skills'", lora.Parameters)
	}
	o := good(t, append([]string{"align", "--base", golden, "--adapter", golden + "/s4/mhr_mu/adapter_init"}, cpu...)...)
	if lines := strings.Split(strings.TrimSpace(o.stdout), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[2], "2 task1") || !strings.HasPrefix(lines[4], "mean cosine over pairs") {
		t.Errorf("table:\n%s", o.stdout)
	}
	one := t.TempDir()
	write(t, filepath.Join(one, "a.jsonl"), `{"input_ids":[1,2],"labels":[1,2]}`)
	far := t.TempDir()
	for _, n := range []string{"a", "b"} {
		write(t, filepath.Join(far, n+".jsonl"), `{"input_ids":[1,2],"labels":[1,2],"task_id":3}`)
	}
	base := []string{"align", "--base", golden, "--device", "cpu"}
	inv := []string{"--inventory", golden + "/s4/adapter_init"}
	bad(t, 2, []string{"align wants one of --inventory and --adapter"}, append(base, "--tasks", dir)...)
	bad(t, 2, []string{"align wants --tasks"}, append(base, inv...)...)
	bad(t, 2, []string{"--rows: got -1"}, append(append(base, inv...), "--tasks", dir, "--rows", "-1")...)
	bad(t, 1, []string{"holds 1 ", "want 2 or more"}, append(append(base, inv...), "--tasks", one)...)
	bad(t, 1, []string{"task_id 3, want 0 to 2"}, append(append(base, inv...), "--tasks", far)...)
}

// What align keeps of the training tasks' gradients is what adapt compares a
// new task's with.
func TestAlignSketches(t *testing.T) {
	base, made, dir := "../../assets/pocket/base", t.TempDir(), t.TempDir()
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		write(t, filepath.Join(made, name), string(read(t, filepath.Join("../../assets/pocket/inventory", name))))
	}
	write(t, filepath.Join(made, "manifest.json"), `{"tasks": ["plural", "reverse"]}`)
	write(t, filepath.Join(dir, "plural.txt"), "not read")
	plural := "cat => cats\ndog => dogs\ntree => trees\n"
	rows := func(name, text string) {
		var b strings.Builder
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			x, y, _ := strings.Cut(line, " => ")
			fmt.Fprintf(&b, "{\"input\": %q, \"output\": %q}\n", x, y)
		}
		write(t, filepath.Join(dir, name+".jsonl"), b.String())
	}
	rows("plural", plural)
	file := filepath.Join(made, "task_gradients.safetensors")
	args := []string{"align", "--base", base, "--inventory", made, "--tasks", dir, "--sketches", file, "--device", "cpu"}
	rows("another", plural)
	bad(t, 1, []string{`training task "reverse"`, "manifest.json"}, args...)
	bad(t, 2, []string{"--sketches wants --inventory"}, "align", "--base", base, "--adapter", made, "--tasks", dir, "--sketches", file)
	rows("reverse", "cat => tac\nhouse => esuoh\nplan => nalp\n")
	for where, says := range map[string]string{"/dev/full": "no space left", dir: "is a directory"} {
		if _, err := os.Stat(where); err != nil {
			continue // not on every system
		}
		there := slices.Clone(args)
		there[slices.Index(args, file)] = where
		bad(t, 1, []string{says}, there...)
	}
	if st, err := os.Stat("/dev/full"); err == nil && st.Mode().IsRegular() {
		t.Error("a device became a file")
	}
	if o := good(t, args...); strings.TrimSpace(o.stdout) != file {
		t.Errorf("got %q, want the file's path", o.stdout)
	}
	examples := filepath.Join(dir, "mine.txt")
	write(t, examples, plural)
	o := good(t, "adapt", "--base", base, "--inventory", made, "--examples", examples, "--method", "mu", "--steps", "1", "--out", filepath.Join(t.TempDir(), "out"))
	if !strings.Contains(o.stderr, "has gradients like plural 1.00, reverse") {
		t.Errorf("adapt says %s", o.stderr)
	}
}
