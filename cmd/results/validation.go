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

// A contest is a folder of inventories' losses, and what they are held against.
type contest struct{ folder, title, against string }

var contests = []contest{{"validation", "Validation loss", "mhr"}, {"ablation", "Ablations", "as-shipped"}}

// write adds the section of dir/FOLDER/NAME.json, smallest loss first, each
// compared with one of them on the tasks that both have.
func (c contest) write(dir, link string, w *bytes.Buffer) error {
	files, err := filepath.Glob(filepath.Join(dir, c.folder, "*.json"))
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
	fmt.Fprintf(w, "## %s\n\n", c.title)
	if b, err := os.ReadFile(filepath.Join(dir, c.folder+".md")); err == nil {
		fmt.Fprintf(w, "%s\n\n", bytes.TrimSpace(b))
	}
	at := slices.IndexFunc(all, func(v validation) bool { return v.name == c.against })
	if at < 0 {
		return fmt.Errorf("%s: no %s.json, which the others are held against", filepath.Join(dir, c.folder), c.against)
	}
	other := all[at]
	t := eval.Table{Head: []string{"<adapters", "tasks", "loss", "exact answers", "loss − " + other.name + "'s", "95 %", "t test p", "tasks with a larger loss"}}
	for i, v := range all {
		row := []string{fmt.Sprintf("[%s](%s/%s/%s.json)", v.name, link, c.folder, v.name), fmt.Sprint(len(v.Tasks)), fmt.Sprintf("%.3f", v.Loss), fmt.Sprintf("%.3f", v.Exact), "", "", "", ""}
		if i != at {
			var d eval.Cells
			larger := 0
			for _, name := range sortedKeys(v.Tasks) {
				if o, ok := other.Tasks[name]; ok {
					x := v.Tasks[name].Loss - o.Loss
					d = append(d, []eval.Cell{{{x}}})
					if x > 0 {
						larger++
					}
				}
			}
			p := eval.Compare(d)
			row = append(row[:4], signed(p.Mean), signed(p.Interval.Lo)+" to "+signed(p.Interval.Hi), pValue(p.TTest, p.Tasks), fmt.Sprintf("%d of %d", larger, p.Tasks))
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
