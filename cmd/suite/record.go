package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// record writes what became of the tests of numbered faults, for
// cmd/reliability -results.
func record(path string, results []*result) error {
	all := &result{}
	for _, r := range results {
		all.add(r)
	}
	if len(all.faults) == 0 {
		return nil
	}
	b, err := json.MarshalIndent(map[string]any{
		"date": time.Now().Format(time.DateOnly), "platform": runtime.GOOS + "/" + runtime.GOARCH, "tests": all.faults,
	}, "", " ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o644)
	}
	return err
}
