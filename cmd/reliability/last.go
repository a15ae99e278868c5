package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// results are what became of tests: pass, fail or skip, by package and name, or
// by file and title.
type results struct {
	Date     string            `json:"date"`
	Platform string            `json:"platform"`
	Tests    map[string]string `json:"tests"`
}

// take makes results of a run those of the page; "" leaves the ones it has.
func take(root, from string) error {
	if from == "" {
		return nil
	}
	b, err := os.ReadFile(from)
	if err == nil && !json.Valid(b) {
		err = fmt.Errorf("%s is no JSON", from)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, last), b, 0o644)
	}
	return err
}

// readLast reads them; none where there is no file.
func readLast(root string) (r results, err error) {
	b, err := os.ReadFile(filepath.Join(root, last))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

func (r results) when() string {
	if r.Date == "" {
		return ""
	}
	return fmt.Sprintf(", the last results are of %s on %s", r.Date, r.Platform)
}

// of says what became of a fault's tests, as find lists them.
func (r results) of(n int, tests []string) string {
	passed, failed := 0, 0
	for _, t := range tests {
		outcome := ""
		for name, o := range r.Tests {
			if is(n, t, name) && outcome != "fail" && (outcome != "pass" || o == "fail") {
				outcome = o
			}
		}
		switch outcome {
		case "pass":
			passed++
		case "fail":
			failed++
		}
	}
	switch {
	case failed > 0:
		return fmt.Sprintf("%d of %d failed", failed, len(tests))
	case passed == len(tests):
		return "passed"
	case passed == 0:
		return "not run"
	}
	return fmt.Sprintf("%d of %d passed", passed, len(tests))
}

// is tells whether a result's name is of a listed test of fault n: "DIR `TEST`",
// or a file of e2e, whose titles name their faults.
func is(n int, listed, name string) bool {
	if dir, test, ok := strings.Cut(strings.TrimSuffix(listed, "`"), " `"); ok {
		full := "handful/" + dir + "." + test
		return name == full || strings.HasPrefix(name, full+"/")
	}
	title, ok := strings.CutPrefix(name, listed+" fault")
	numbers, _, _ := strings.Cut(strings.TrimPrefix(title, "s"), ":")
	return ok && strings.Contains(numbers, fmt.Sprintf("%02d", n))
}
