package main

import (
	"fmt"
	"slices"
	"strings"

	"handful/core/eval"
)

// comparisons prints the paired tests, far tasks first.
func (s *section) comparisons() error {
	t := eval.Table{Head: []string{"<comparison", "<tasks", "examples", "number of tasks", "pairs", "mean difference", "95 %", "t test p", "sign test p"}}
	names := s.distinct(func(r *eval.Result) string { return r.Name })
	var shots []int
	for _, r := range s.results {
		if !slices.Contains(shots, r.Shots) {
			shots = append(shots, r.Shots)
		}
	}
	slices.Sort(shots)
	for _, p := range pairs {
		if !slices.Contains(names, p[0]) || !slices.Contains(names, p[1]) {
			continue
		}
		for _, d := range distances {
			rs := s.of(d.is)
			for _, k := range shots {
				if k == 0 {
					continue // nothing was learned
				}
				c := eval.Versus(rs, p[0], p[1], k)
				if c.Pairs == 0 {
					continue
				}
				t.Add(p[0]+" − "+p[1], strings.ToLower(strings.TrimSuffix(d.title, " tasks")), fmt.Sprint(k), fmt.Sprint(c.Tasks), fmt.Sprint(c.Pairs),
					signed(c.Mean), signed(c.Interval.Lo)+" to "+signed(c.Interval.Hi), pValue(c.TTest, c.Tasks), pValue(c.Sign, c.Tasks))
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	fmt.Fprintf(s.w, "### %s: comparisons\n\n", s.name)
	err := t.Markdown(s.w)
	fmt.Fprintln(s.w)
	return err
}

// signed prints a difference; one that rounds to nothing has no sign.
func signed(x float64) string {
	if s := fmt.Sprintf("%+.3f", x); s != "-0.000" && s != "+0.000" {
		return s
	}
	return "0.000"
}

// pValue prints a p; one task tells nothing about tasks.
func pValue(p float64, tasks int) string {
	switch {
	case tasks < 2:
		return "–"
	case p < 0.001:
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// settings lists what each method was trained with.
func (s *section) settings() error {
	t := eval.Table{Head: []string{"<method", "<trained with"}}
	seen := map[[2]string]bool{}
	for _, r := range s.results {
		k := [2]string{r.Name, string(r.Settings)}
		if len(r.Settings) == 0 || seen[k] {
			continue
		}
		seen[k] = true
		t.Add(r.Name, "`"+k[1]+"`")
	}
	if len(t.Rows) == 0 {
		return nil
	}
	fmt.Fprintf(s.w, "### %s: settings\n\nAn option that is not named is 0 or off.\n\n", s.name)
	err := t.Markdown(s.w)
	fmt.Fprintln(s.w)
	return err
}

// data lists the tasks' files, and which of them may be shared.
func (s *section) data() error {
	t := eval.Table{Head: []string{"<task", "<distance", "<sha256 of its file", "<rows"}}
	seen := map[[2]string]bool{}
	for _, d := range distances {
		for _, r := range s.of(d.is) {
			k := [2]string{r.Task, r.Data}
			if seen[k] {
				continue
			}
			seen[k] = true
			rows := "data not redistributable ¹"
			if path, ok := s.free[r.Task]; ok {
				rows = "some of them in `" + path + "`"
			}
			hash := "unknown"
			if r.Data != "" {
				hash = "`" + r.Data + "`"
			}
			t.Add(r.Task, r.Distance, hash, rows)
		}
	}
	fmt.Fprintf(s.w, "### %s: data\n\n", s.name)
	err := t.Markdown(s.w)
	fmt.Fprint(s.w, "\n¹ The numbers are given with the hash of the file that they were measured on, which can't be passed on.\n\n")
	return err
}
