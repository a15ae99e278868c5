package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"handful/core/eval"
)

// validation is what `python -m pretrain loss` prints for an inventory: the
// loss of each training task on rows that were kept aside.
type validation struct {
	name  string
	Loss  float64 `json:"loss"`
	Exact float64 `json:"exact"`
	Tasks map[string]struct {
		Loss  float64 `json:"loss"`
		Exact float64 `json:"exact"`
		Rows  int     `json:"rows"`
	} `json:"tasks"`
}

// validations writes the section of dir/validation/NAME.json, smallest loss
// first, each compared with the first on the tasks that both have.
func validations(dir, link string, w *bytes.Buffer) error {
	files, err := filepath.Glob(filepath.Join(dir, "validation", "*.json"))
	if err != nil || len(files) == 0 {
		return err
	}
	var all []validation
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		v := validation{name: strings.TrimSuffix(filepath.Base(f), ".json")}
		if err := json.Unmarshal(b, &v); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, v)
	}
	slices.SortStableFunc(all, func(a, b validation) int {
		if a.Loss < b.Loss {
			return -1
		}
		return 1
	})
	fmt.Fprintf(w, "## Validation loss\n\n")
	if b, err := os.ReadFile(filepath.Join(dir, "validation.md")); err == nil {
		fmt.Fprintf(w, "%s\n\n", bytes.TrimSpace(b))
	}
	best := all[0]
	t := eval.Table{Head: []string{"<adapters", "tasks", "loss", "exact answers", "loss − " + best.name + "'s", "95 %", "t test p", "tasks with a larger loss"}}
	for i, v := range all {
		row := []string{fmt.Sprintf("[%s](%s/validation/%s.json)", v.name, link, v.name), fmt.Sprint(len(v.Tasks)), fmt.Sprintf("%.3f", v.Loss), fmt.Sprintf("%.3f", v.Exact), "", "", "", ""}
		if i > 0 {
			var d eval.Cells
			larger := 0
			for _, name := range sortedKeys(v.Tasks) {
				if b, ok := best.Tasks[name]; ok {
					x := v.Tasks[name].Loss - b.Loss
					d = append(d, []eval.Cell{{{x}}})
					if x > 0 {
						larger++
					}
				}
			}
			c := eval.Compare(d)
			row = append(row[:4], signed(c.Mean), signed(c.Interval.Lo)+" to "+signed(c.Interval.Hi), pValue(c.TTest, c.Tasks), fmt.Sprintf("%d of %d", larger, c.Tasks))
		}
		t.Add(row...)
	}
	if err := t.Markdown(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
