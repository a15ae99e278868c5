package task

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"handful/core/fault"
)

// Columns are those of a table whose first line does not name an input and an
// output, for a person to say which they are.
type Columns struct {
	Names  []string `json:"names"`  // the first line's cells
	Sample []string `json:"sample"` // the second line's, as far as it has some
}

// ColumnsOf finds them; nil where data is no table, or one that Parse reads.
func ColumnsOf(data string) *Columns {
	comma, first, rest := unnamed(data)
	if comma == 0 {
		return nil
	}
	c := &Columns{Names: cells(first, comma)}
	if next := firstLine([]byte(rest)); next != "" {
		c.Sample = cells(next, comma)
	}
	if len(c.Names) < 2 {
		return nil
	}
	return c
}

// Mapped gives the same table with columns in and out (from 0) named input and
// output. Other columns keep their names, but for those that mean something to
// Parse. Without header the first line is a row, and a header is put before it.
func Mapped(data string, in, out int, header bool) (string, error) {
	comma, first, rest := unnamed(data)
	names := cells(first, comma)
	switch {
	case comma == 0 || len(names) < 2:
		return "", fault.Inputf("columns", "no table of other columns").Next("give CSV or TSV with two columns or more")
	case in < 0 || out < 0 || in >= len(names) || out >= len(names) || in == out:
		return "", fault.Inputf("columns", "input is column %d and output %d, want two of %d", in, out, len(names)).Next("choose two columns")
	}
	head, err := headLine("columns", headings(names, in, out, header, reserved), comma)
	if err != nil {
		return "", err
	}
	if !header {
		rest = first + "\n" + rest
	}
	return head + rest, nil
}

// headLine is a table's first line, with its end.
func headLine(op string, heads []string, comma rune) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	if err := w.Write(heads); err != nil {
		return "", fault.Inputf(op, "%w", err)
	}
	w.Flush()
	return b.String(), nil
}

// headings are names with those of in and out as Parse reads them, and with the
// taken ones made into others.
func headings(names []string, in, out int, header bool, taken func(string) bool) []string {
	head := make([]string, len(names))
	for i, n := range names {
		switch n = strings.TrimSpace(n); {
		case i == in:
			n = "input"
		case i == out:
			n = "output"
		case !header || n == "":
			n = fmt.Sprintf("column %d", i+1)
		case taken(n):
			n = "other " + n
		}
		head[i] = n
	}
	return head
}

// reserved are names that would be read as something else than they are.
func reserved(name string) bool {
	name = strings.ToLower(name)
	return name == "options" || name == "instruction" || name == "task_id" || aSide(name)
}

// aSide tells a name that is read as an input or an output.
func aSide(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(pairs, func(p [2]string) bool { return name == p[0] || name == p[1] })
}

// unnamed parts a table from its first line, where that names no input or no
// output; comma is 0 where it is no such table.
func unnamed(data string) (comma rune, first, rest string) {
	data = strings.TrimLeft(strings.TrimPrefix(data, "\ufeff"), " \t\r\n")
	first, rest, _ = strings.Cut(data, "\n")
	first = strings.TrimRight(first, "\r")
	if first == "" || notText([]byte(data)) != "" || isArray([]byte(data)) || isObject(first) || strings.Contains(first, "=>") {
		return 0, first, rest
	}
	if _, ok := tableOf(first); ok {
		return 0, first, rest
	}
	for _, c := range delimiters {
		if strings.ContainsRune(first, c) && len(cells(first, c)) > 1 {
			return c, first, rest
		}
	}
	return 0, first, rest
}

// cells are those of one line, as they are written.
func cells(line string, comma rune) []string {
	c := csv.NewReader(strings.NewReader(line))
	c.Comma = comma
	got, err := c.Read()
	if err != nil {
		return nil
	}
	return got
}
