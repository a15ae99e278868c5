package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"handful/core/engine"
	"handful/core/eval"
)

// alignedWith is the inventory that the others' alignment is held against.
const alignedWith = "mhr"

// alignment adds the section of dir/alignment/NAME.json, what `handful align
// --json` prints for inventories: how far their tasks' gradients agree. A task's
// mean cosine with all others is one observation. Nothing where there are none.
func alignment(dir, link string, w *bytes.Buffer) error {
	files, err := filepath.Glob(filepath.Join(dir, "alignment", "*.json"))
	if err != nil || len(files) == 0 {
		return err
	}
	all := map[string]engine.Alignment{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var a engine.Alignment
		if err := json.Unmarshal(b, &a); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = a
	}
	other, ok := all[alignedWith]
	if !ok {
		return fmt.Errorf("%s: no %s.json, which the others are held against", filepath.Join(dir, "alignment"), alignedWith)
	}
	fmt.Fprint(w, "## Alignment of gradients\n\n")
	if b, err := os.ReadFile(filepath.Join(dir, "alignment.md")); err == nil {
		fmt.Fprintf(w, "%s\n\n", bytes.TrimSpace(b))
	}
	base := agreeing(other)
	t := eval.Table{Head: []string{"<adapters", "tasks", "loss", "mean cosine", "cosine − " + alignedWith + "'s", "95 %", "t test p", "pairs that pull apart", "pairs that pull alike"}}
	for _, name := range sortedKeys(all) {
		a := all[name]
		loss := 0.0
		for _, l := range a.Loss {
			loss += l / float64(len(a.Loss))
		}
		apart, alike := pulls(a)
		row := []string{fmt.Sprintf("[%s](%s/alignment/%s.json)", name, link, name), fmt.Sprint(len(a.Tasks)), fmt.Sprintf("%.3f", loss), fmt.Sprintf("%.4f", a.Mean), "", "", "",
			fmt.Sprintf("%.1f %%", 100*apart), fmt.Sprintf("%.1f %%", 100*alike)}
		if name != alignedWith {
			var d eval.Cells
			mean := agreeing(a)
			for _, task := range a.Tasks {
				if o, ok := base[task]; ok {
					d = append(d, []eval.Cell{{{mean[task] - o}}})
				}
			}
			p := eval.Compare(d)
			row[4], row[5], row[6] = fmt.Sprintf("%+.4f", p.Mean), fmt.Sprintf("%+.4f to %+.4f", p.Interval.Lo, p.Interval.Hi), pValue(p.TTest, p.Tasks)
		}
		t.Add(row...)
	}
	if err := t.Markdown(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return nil
}

// agreeing is each task's mean cosine with the others.
func agreeing(a engine.Alignment) map[string]float64 {
	out := map[string]float64{}
	for i, task := range a.Tasks {
		for j, c := range a.Cosine[i] {
			if i != j {
				out[task] += c / float64(len(a.Tasks)-1)
			}
		}
	}
	return out
}

// pull is from which cosine on two gradients are said to pull alike, or apart.
const pull = 0.05

// pulls is the share of pairs of tasks whose gradients pull apart, and alike.
func pulls(a engine.Alignment) (apart, alike float64) {
	pairs := 0.0
	for i := range a.Tasks {
		for _, c := range a.Cosine[i][:i] {
			pairs++
			switch {
			case c < -pull:
				apart++
			case c > pull:
				alike++
			}
		}
	}
	return apart / pairs, alike / pairs
}
