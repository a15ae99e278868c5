package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"handful/core/engine"
	"handful/core/eval"
	"handful/core/fault"
	"handful/core/task"
)

// evalTask is a file of examples and how it is judged.
type evalTask struct {
	taskEntry
	text, hash string
	listed     bool // by a manifest
	metric     string
	o          engine.EvalOptions
}

// taskEntry is a task in a manifest.json, a list of them; other fields are
// ignored.
type taskEntry struct {
	Name        string   `json:"name"`
	Instruction string   `json:"instruction"`
	Labels      []string `json:"labels"`
	Distance    string   `json:"distance"` // near, far
}

func (v *evalFlags) readTasks() (out []evalTask, err error) {
	files := []taskFile{{strings.TrimSuffix(filepath.Base(v.examples), filepath.Ext(v.examples)), v.examples}}
	var entries []taskEntry
	if v.tasks != "" {
		if files, err = taskFiles(v.tasks, v.only, 1); err != nil {
			return nil, err
		}
		if entries, err = readManifest(v.tasks); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		t := evalTask{taskEntry: taskEntry{Name: f.name}}
		if i := slices.IndexFunc(entries, func(e taskEntry) bool { return e.Name == t.Name }); i >= 0 {
			t.taskEntry, t.listed = entries[i], true
		}
		if t.text, err = readText("--examples", f.path); err != nil {
			return nil, err
		}
		if t.text, err = v.sides.Name("examples", t.text); err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(t.text))
		t.hash = hex.EncodeToString(sum[:])
		if err := v.plan(&t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// readManifest reads the manifest.json of a folder of tasks, or the one beside
// the folder where that is a list of tasks. nil: there is none.
func readManifest(dir string) (entries []taskEntry, err error) {
	for i, p := range []string{filepath.Join(dir, "manifest.json"), filepath.Join(dir, "..", "manifest.json")} {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		if err := json.Unmarshal(b, &entries); err == nil {
			return entries, nil
		} else if i == 0 {
			return nil, fault.Inputf("--tasks", "%s: %v, want a list of tasks with name, instruction and labels", p, err).Next("mend or remove it")
		}
	}
	return nil, nil
}

// plan decides how a task is judged: what its labels are, if any, and by which
// metric.
func (v *evalFlags) plan(t *evalTask) error {
	parsed := task.Parse([]byte(t.text))
	if err := parsed.Err(); err != nil {
		return err
	}
	own := slices.ContainsFunc(parsed.Examples, func(x task.Example) bool { return len(x.Options) > 0 })
	if t.o = v.o; t.o.Instruction == "" {
		t.o.Instruction = t.Instruction
	}
	labels := task.Choices(parsed.Examples) // those of all rows, also of the ones that are drawn
	if t.listed && (len(t.Labels) > 0 || !own) {
		labels = t.Labels
	}
	if len(t.o.Options) > 0 {
		labels = t.o.Options
	} else if !own {
		t.o.Options = labels
	}
	t.o.Classes = labels
	choose := own || len(t.o.Options) > 0
	if t.metric = v.metric; t.metric == "" {
		if t.metric = eval.MetricExact; choose {
			t.metric = eval.MetricBalanced
		}
	}
	t.o.Generate = t.metric == eval.MetricExact || t.metric == eval.MetricRougeL
	if !t.o.Generate && !choose {
		return fault.Inputf("--metric", "%s has no labels to choose from, so no %s", t.Name, t.metric).Next("name them with --option, or take --metric exact")
	}
	return nil
}
