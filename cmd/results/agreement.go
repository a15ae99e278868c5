package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"handful/core/eval"
)

// agreement writes a table of the cells of dir/again that another program did
// too, whose results are done: the same draw judged on the same rows. Nothing
// where there are none.
func agreement(dir string, done []eval.Result, w *bytes.Buffer) error {
	files, err := filepath.Glob(filepath.Join(dir, "again", "*.jsonl"))
	if err != nil {
		return err
	}
	var again []eval.Result
	for _, f := range files {
		results, err := parse(f)
		if err != nil {
			return err
		}
		again = append(again, results...)
	}
	type cell struct {
		task, name, data string
		shots            int
		seed             uint64
	}
	of := func(r *eval.Result) cell { return cell{r.Task, r.Name, r.Data, r.Shots, r.Seed} }
	first := map[cell]*eval.Result{}
	for i := range done {
		first[of(&done[i])] = &done[i]
	}
	t := eval.Table{Head: []string{"<task", "<method", "examples", "seed", "<by", "score", "loss", "<by", "score", "loss", "rows answered alike"}}
	for i := range again {
		b := &again[i]
		a, ok := first[of(b)]
		if !ok || len(a.Hits) != len(b.Hits) {
			continue
		}
		alike := 0
		for k := range a.Hits {
			if a.Hits[k] == b.Hits[k] {
				alike++
			}
		}
		t.Add(a.Task, a.Name, fmt.Sprint(a.Shots), fmt.Sprint(a.Seed), a.Device, fmt.Sprintf("%.3f", a.Value()), fmt.Sprintf("%.3f", a.Loss),
			b.Device, fmt.Sprintf("%.3f", b.Value()), fmt.Sprintf("%.3f", b.Loss), fmt.Sprintf("%d of %d", alike, len(a.Hits)))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "## The same cells by two programs\n\nThe same examples and rows; of what is trained the same batches too, but lora's A has other random values.\n\n")
	return t.Markdown(w)
}
