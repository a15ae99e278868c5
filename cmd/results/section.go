package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"handful/core/eval"
	"handful/core/eval/chart"
)

// pairs are the comparisons that are made wherever both methods are there.
var pairs = [][2]string{{"mu", "lora"}, {"z", "mean"}, {"z", "icl"}, {"z", "z-random"}, {"z", "lora"}, {"z", "best-task"}, {"mu", "icl"}, {"mu", "z"}}

// distances in the order of the page.
var distances = []struct{ is, title string }{{"far", "Far tasks"}, {"near", "Near tasks"}, {"", "Other tasks"}}

// section is what one results file becomes.
type section struct {
	name, dir, link string
	free            map[string]string
	results         []eval.Result
	w               *bytes.Buffer
}

func (s *section) write() error {
	if err := s.unique(); err != nil {
		return err
	}
	fmt.Fprintf(s.w, "## %s\n\n", s.name)
	if b, err := os.ReadFile(filepath.Join(s.dir, s.name+".md")); err == nil {
		fmt.Fprintf(s.w, "%s\n\n", bytes.TrimSpace(b))
	}
	s.sources()
	for _, d := range distances {
		if rs := s.of(d.is); len(rs) > 0 {
			fmt.Fprintf(s.w, "### %s: %s\n\n", s.name, strings.ToLower(d.title))
			if err := s.tables(d.is, rs); err != nil {
				return err
			}
		}
	}
	if err := s.comparisons(); err != nil {
		return err
	}
	if err := s.settings(); err != nil {
		return err
	}
	return s.data()
}

// unique refuses two results of one cell: one of them is by other settings.
func (s *section) unique() error {
	seen := map[string]bool{}
	for _, r := range s.results {
		k := fmt.Sprint(r.Task, "\x00", r.Name, "\x00", r.Shots, "\x00", r.Seed)
		if seen[k] {
			return fmt.Errorf("two results of %s, %s, %d shots, seed %d with different keys; want one: put other settings in a file or a method's name of their own", r.Task, r.Name, r.Shots, r.Seed)
		}
		seen[k] = true
	}
	return nil
}

func (s *section) of(distance string) (out []eval.Result) {
	for _, r := range s.results {
		if r.Distance == distance || distance == "" && r.Distance != "far" && r.Distance != "near" {
			out = append(out, r)
		}
	}
	return out
}

// sources says what was run.
func (s *section) sources() {
	fmt.Fprintf(s.w, "%d cells in [%s.jsonl](%s/%s.jsonl).\n\n", len(s.results), s.name, s.link, s.name)
	for _, x := range []struct {
		what string
		of   func(*eval.Result) string
	}{{"Base", func(r *eval.Result) string { return r.Base }}, {"Inventory", func(r *eval.Result) string { return r.Inventory }}, {"Device", func(r *eval.Result) string { return r.Device }}} {
		if all := s.distinct(x.of); len(all) > 0 {
			fmt.Fprintf(s.w, "- %s: %s\n", x.what, strings.Join(all, "; "))
		}
	}
	fmt.Fprintln(s.w)
}

// distinct lists the values of a field that aren't empty, in order of
// appearance.
func (s *section) distinct(of func(*eval.Result) string) (out []string) {
	for i := range s.results {
		if v := of(&s.results[i]); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// tables prints the means over tasks, their plots, and each task.
func (s *section) tables(distance string, rs []eval.Result) error {
	groups := eval.Groups(rs)
	over := eval.Over(groups)
	t := eval.Table{Head: []string{"<method", "examples", "tasks", "score", "95 %", "parameters trained"}}
	for _, o := range over {
		t.Add(o.Name, fmt.Sprint(o.Shots), fmt.Sprint(o.Tasks), fmt.Sprintf("%.3f", o.Mean), o.Interval.String(), fmt.Sprint(o.Trainable))
	}
	if err := t.Markdown(s.w); err != nil {
		return err
	}
	fmt.Fprintln(s.w)
	if distance == "" {
		distance = "other"
	}
	if err := s.plot(distance+"-by-method", "by method", over, chart.ByMethod); err != nil {
		return err
	}
	if several(over) {
		if err := s.plot(distance+"-by-shots", "by number of examples", over, chart.ByShots); err != nil {
			return err
		}
	}
	return s.each(groups)
}

func several(over []eval.Overall) bool {
	return slices.ContainsFunc(over, func(o eval.Overall) bool { return o.Shots != over[0].Shots })
}

func (s *section) plot(kind, by string, over []eval.Overall, draw func(string, []eval.Overall) ([]byte, error)) error {
	b, err := draw("", over)
	if err != nil {
		return err
	}
	file := s.name + "-" + kind + ".svg"
	if err := os.WriteFile(filepath.Join(s.dir, file), b, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(s.w, "![%s, %s: the table above as a plot](%s/%s)\n\n", s.name, by, s.link, file)
	return nil
}

// each prints a row for each task and number of shots, a column a method.
func (s *section) each(groups []*eval.Group) error {
	type key struct {
		task  string
		shots int
	}
	var methods []string
	var order []key
	at := map[key]map[string]*eval.Group{}
	for _, g := range groups {
		k := key{g.Task, g.Shots}
		if at[k] == nil {
			at[k] = map[string]*eval.Group{}
			order = append(order, k)
		}
		at[k][g.Name] = g
		if !slices.Contains(methods, g.Name) {
			methods = append(methods, g.Name)
		}
	}
	t := eval.Table{Head: append([]string{"<task", "<metric", "examples", "seeds", "rows"}, methods...)}
	for _, k := range order {
		var row []string
		for _, m := range methods {
			g := at[k][m]
			if g == nil {
				row = append(row, "")
				continue
			}
			row = append(row, fmt.Sprintf("%.3f (%s)", g.Value(), g.Interval()))
		}
		one := first(groups, k.task, k.shots)
		mark := ""
		if _, ok := s.free[k.task]; !ok {
			mark = " ¹"
		}
		t.Add(append([]string{k.task + mark, one.Cells[0].Metric, fmt.Sprint(k.shots), fmt.Sprint(len(one.Cells)), fmt.Sprint(one.N())}, row...)...)
	}
	err := t.Markdown(s.w)
	fmt.Fprintln(s.w)
	return err
}

func first(groups []*eval.Group, task string, shots int) *eval.Group {
	return groups[slices.IndexFunc(groups, func(g *eval.Group) bool { return g.Task == task && g.Shots == shots })]
}
