package ui

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
)

// mostClasses is how many labels a matrix has at most, to be looked at.
const mostClasses = 20

// elsewhere is the column of answers that are no label.
const elsewhere = "something else"

// confusion counts how often a row that wants a label is answered with another:
// n[want][got], got in the columns' order.
type confusion struct {
	labels, columns []string
	n               [][]int
}

// confused counts the rows of a score; nil where there are no labels.
func confused(s *scoreRow) *confusion {
	if s == nil || s.Classes == 0 || len(s.Rows) == 0 {
		return nil
	}
	c := &confusion{labels: slices.Clone(s.Labels)}
	for _, p := range s.Rows {
		if !slices.Contains(c.labels, p.Want) {
			c.labels = append(c.labels, p.Want)
		}
	}
	c.columns = slices.Clone(c.labels)
	for _, p := range s.Rows {
		if !slices.Contains(c.labels, p.Got) {
			c.columns = append(c.columns, elsewhere)
			break
		}
	}
	for range c.labels {
		c.n = append(c.n, make([]int, len(c.columns)))
	}
	for _, p := range s.Rows {
		got := slices.Index(c.labels, p.Got)
		if got < 0 {
			got = len(c.labels)
		}
		c.n[slices.Index(c.labels, p.Want)][got]++
	}
	return c
}

// recall is the part of a label's rows that is right, as text.
func (c *confusion) recall(label int) string {
	all := 0
	for _, n := range c.n[label] {
		all += n
	}
	if all == 0 {
		return "–"
	}
	return percentText(float64(c.n[label][label]) / float64(all))
}

// table is the matrix as HTML; labels are escaped.
func (c *confusion) table() string {
	var b strings.Builder
	b.WriteString(`<table class="confusion"><thead><tr><th scope="col">wanted ↓, answered →</th>`)
	for _, l := range c.columns {
		fmt.Fprintf(&b, `<th scope="col">%s</th>`, html.EscapeString(clip(l, 40)))
	}
	b.WriteString(`<th scope="col">right</th></tr></thead><tbody>`)
	for i, l := range c.labels {
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th>`, html.EscapeString(clip(l, 40)))
		for k, n := range c.n[i] {
			class := ""
			switch {
			case k == i:
				class = ` class="best"`
			case n > 0:
				class = ` class="miss"`
			}
			fmt.Fprintf(&b, `<td%s>%d</td>`, class, n)
		}
		fmt.Fprintf(&b, `<td>%s</td></tr>`, c.recall(i))
	}
	b.WriteString(`</tbody></table>`)
	return b.String()
}

// csv is the matrix with a line for each wanted label.
func (c *confusion) csv() string {
	rows := [][]string{append([]string{"wanted"}, c.columns...)}
	for i, l := range c.labels {
		row := []string{l}
		for _, n := range c.n[i] {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	return csvText(rows)
}

// svg draws the matrix: the darker a cell, the more of its row lie there.
func (c *confusion) svg() string {
	const cell, left, top = 44, 150, 40
	w, h := left+cell*len(c.columns)+12, top+cell*len(c.labels)+24
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="Confusion matrix">`, w, h)
	word := func(x, y int, class, anchor, text string) {
		fmt.Fprintf(&b, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`, class, x, y, anchor, html.EscapeString(text))
	}
	for k, l := range c.columns {
		word(left+k*cell+cell/2, top-10, "tick", "middle", clip(l, 6))
	}
	for i, l := range c.labels {
		word(left-10, top+i*cell+cell/2+4, "tick", "end", clip(l, 20))
		all := 0
		for _, n := range c.n[i] {
			all += n
		}
		for k, n := range c.n[i] {
			part := float64(n) / float64(max(1, all))
			fmt.Fprintf(&b, `<rect class="cell" x="%d" y="%d" width="%d" height="%d" fill-opacity="%.2f"/>`, left+k*cell, top+i*cell, cell-2, cell-2, .04+.9*part)
			class := "axis"
			if part > .5 {
				class = "over"
			}
			word(left+k*cell+cell/2-1, top+i*cell+cell/2+4, class, "middle", strconv.Itoa(n))
		}
	}
	word(left+cell*len(c.columns)/2, h-6, "tick", "middle", "answered (rows: wanted)")
	b.WriteString(`</svg>`)
	return b.String()
}

// matrix is the one that is looked at: of the model that was picked, else the
// adapted one.
func (r *runState) matrix() *confusion {
	if s := r.score(r.confusedBy); s != nil {
		return confused(s)
	}
	return confused(r.score("adapted"))
}

// PickConfused chooses whose answers the matrix shows.
func (a *App) PickConfused(row string) { a.run.confusedBy = row }

// matrixText is the matrix as it is shown.
func (r *runState) matrixText() string {
	switch c := r.matrix(); {
	case c == nil:
		return ""
	case len(c.labels) > mostClasses:
		return fmt.Sprintf("<p>%d labels are too many to look at: the CSV has them all.</p>", len(c.labels))
	default:
		return c.table()
	}
}
