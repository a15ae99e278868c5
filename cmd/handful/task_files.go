package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"handful/core/fault"
)

// taskFile is a file of examples in a folder of tasks.
type taskFile struct{ name, path string }

// taskFiles lists the folder that --tasks names, in order of names: each .jsonl,
// .json, .csv and .tsv file is a task, but manifest.json. only picks some by
// name; want is how many there must be at least.
func taskFiles(dir string, only []string, want int) (out []taskFile, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, pathFault("--tasks", dir, err)
	}
	for _, f := range list {
		ext := filepath.Ext(f.Name())
		name := strings.TrimSuffix(f.Name(), ext)
		if slices.Contains([]string{".jsonl", ".json", ".csv", ".tsv"}, ext) && f.Name() != "manifest.json" && (len(only) == 0 || slices.Contains(only, name)) {
			out = append(out, taskFile{name, filepath.Join(dir, f.Name())})
		}
	}
	switch want = max(want, len(only)); {
	case len(out) >= want:
		return out, nil
	case len(only) > 0:
		return nil, fault.Inputf("--tasks", "%s holds %d of the %d tasks that --only names", dir, len(out), len(only)).Next("check the path and --only")
	}
	return nil, fault.Inputf("--tasks", "%s holds %d .jsonl, .json, .csv or .tsv files, want %d or more", dir, len(out), want).Next("check the path")
}
