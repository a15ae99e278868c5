// Results writes docs/results.md and its plots from the results files that
// `handful eval --out` and Python runs leave in docs/results:
//
//	go run ./cmd/results
//
// NAME.jsonl becomes a section; NAME.md beside it, where there is one, is put in
// front of its tables. tasks.json names the tasks whose rows may be shared and
// where they, or a part of them, lie: {"TASK": "PATH"}. What
// `python -m pretrain loss` prints goes into validation/NAME.json or
// ablation/NAME.json, what `handful align --json` prints into
// alignment/NAME.json, words about them into validation.md, ablation.md or
// alignment.md. Results of cells that another program did too go into
// again/NAME.jsonl. The same files give the same bytes.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"handful/core/eval"
)

const intro = `# Results

Written by ` + "`go run ./cmd/results`" + ` from the lines in [results/](results), which hold every cell, its settings and what became of
each row ([their format](formats.md#evaluation-results)). Don't edit this page.

- **A score** is balanced accuracy where an answer is one of some labels (the label of the smallest loss per token), exact match where
  it is written out; a task's metric stands beside its name. Examples are drawn by a seed, balanced over the labels; what is judged
  was not drawn.
- **A range** is a 95 % bootstrap interval that resamples tasks, the draws of examples within a task, and the rows
  of each class within a draw. Where there are only a few tasks, draws or rows of a class it is too narrow.
- **A comparison** takes only cells that both methods have: the same task, seed and examples, judged on the same rows. The t test and
  the sign test take a task's mean difference as one observation.
- **Far** tasks have no sibling among the tasks that the inventory was trained on, **near** ones have.

`

func main() {
	log.SetFlags(0)
	log.SetPrefix("results: ")
	dir := flag.String("dir", "docs/results", "folder of .jsonl files; plots are written there")
	out := flag.String("out", "docs/results.md", "page to write")
	flag.Parse()
	if err := generate(*dir, *out); err != nil {
		log.Fatal(err)
	}
}

// generate writes the page and the plots.
func generate(dir, out string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return err
	}
	free := map[string]string{}
	if b, err := os.ReadFile(filepath.Join(dir, "tasks.json")); err == nil {
		if err := json.Unmarshal(b, &free); err != nil {
			return fmt.Errorf("tasks.json: %w", err)
		}
	}
	link, err := filepath.Rel(filepath.Dir(out), dir)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	page.WriteString(intro)
	for _, c := range contests {
		if err := c.write(dir, filepath.ToSlash(link), &page); err != nil {
			return err
		}
	}
	if err := alignment(dir, filepath.ToSlash(link), &page); err != nil {
		return err
	}
	var all []eval.Result
	for _, f := range files { // Glob sorts
		results, err := parse(f)
		if err != nil {
			return err
		}
		s := &section{name: strings.TrimSuffix(filepath.Base(f), ".jsonl"), dir: dir, link: filepath.ToSlash(link), free: free, results: results, w: &page}
		if err := s.write(); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, results...)
	}
	if err := agreement(dir, all, &page); err != nil {
		return err
	}
	return os.WriteFile(out, bytes.TrimRight(page.Bytes(), "\n"), 0o644)
}

// parse reads a results file.
func parse(file string) ([]eval.Result, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	results, _, err := eval.Parse(file, b)
	return results, err
}
