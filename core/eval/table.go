package eval

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is columns of text; those whose title begins with "<" stand left.
type Table struct {
	Head []string
	Rows [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Text writes the table in columns of equal width.
func (t *Table) Text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range append([][]string{t.titles()}, t.Rows...) {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
}

// Markdown writes the table as GitHub's Markdown has it.
func (t *Table) Markdown(w io.Writer) error {
	rule := make([]string, len(t.Head))
	for i, h := range t.Head {
		if rule[i] = "--:"; strings.HasPrefix(h, "<") {
			rule[i] = "---"
		}
	}
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, r := range append([][]string{t.titles(), rule}, t.Rows...) {
		line := "|"
		for _, c := range r {
			line += " " + escape.Replace(c) + " |"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) titles() (out []string) {
	for _, h := range t.Head {
		out = append(out, strings.TrimPrefix(h, "<"))
	}
	return out
}

// String writes an interval as "0.71–0.83".
func (i Interval) String() string { return fmt.Sprintf("%.3f–%.3f", i.Lo, i.Hi) }
