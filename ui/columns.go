package ui

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"handful/core/fault"
)

// mapping says which columns of a table are the input and the output.
type mapping struct {
	of       string // the names it is about
	in, out  int
	noHeader bool // the first line is a row
}

// columns are those of the examples, else of the test rows, where they are a
// table that names no input or no output.
func (e *examplesState) columns() *columns {
	for _, p := range []*preview{e.seen, e.heldSeen} {
		if p != nil && p.Columns != nil && len(p.Columns.Names) > 1 {
			return p.Columns
		}
	}
	return nil
}

// guess takes the longest cell of the first row for the input, and of the
// others the shortest that holds something for the output.
func (m *mapping) guess(c *columns) {
	if c == nil {
		return
	}
	key := ""
	for _, n := range c.Names {
		key += n + "\x00"
	}
	if m.of == key {
		return // the person may have chosen
	}
	*m = mapping{of: key, in: 0, out: 1}
	for i, cell := range c.Sample[:min(len(c.Sample), len(c.Names))] {
		if len(cell) > len(c.Sample[m.in]) {
			m.in = i
		}
	}
	m.out = -1
	best := 0
	for i, cell := range c.Sample[:min(len(c.Sample), len(c.Names))] {
		if i == m.in || cell == "" {
			continue
		}
		size := len(cell)
		if _, err := strconv.Atoi(cell); err == nil {
			size += 1000 // a number is rather an id
		}
		if m.out < 0 || size < best {
			m.out, best = i, size
		}
	}
	if m.out < 0 {
		m.out = (m.in + 1) % len(c.Names)
	}
}

// PickColumn takes the number of a column, from 0.
func (a *App) PickColumn(side, value string) {
	i, err := strconv.Atoi(value)
	if err != nil {
		return
	}
	if m := &a.examples.mapping; side == "input" {
		m.in = i
	} else {
		m.out = i
	}
}

// TickHeader says whether the table's first line names its columns.
func (a *App) TickHeader(header bool) { a.examples.mapping.noHeader = !header }

// UseColumns gives the chosen columns the names that are read, in the examples
// and in test rows of the same columns.
func (a *App) UseColumns() {
	e := &a.examples
	c, client, m := e.columns(), a.client, e.mapping
	if c == nil || client == nil {
		return
	}
	texts := []string{e.text, e.held}
	for i, p := range []*preview{e.seen, e.heldSeen} {
		if p == nil || p.Columns == nil || !slices.Equal(p.Columns.Names, c.Names) {
			texts[i] = ""
		}
	}
	go func() {
		var err error
		for i, text := range texts {
			if text == "" || err != nil {
				continue
			}
			var raw json.RawMessage
			var got struct {
				Examples string `json:"examples"`
			}
			raw, _, err = client.Call(context.Background(), "columns", columnsOptions{text, m.in, m.out, !m.noHeader}, nil, nil)
			if err == nil && json.Unmarshal(raw, &got) != nil {
				err = fault.New(fault.Bug, "columns", "got an answer that is not understood")
			}
			texts[i] = got.Examples
		}
		a.page.Update(func() {
			if err != nil {
				a.show("columns", err)
				return
			}
			text, held := a.examples.text, a.examples.held
			if texts[0] != "" {
				text = texts[0]
			}
			if texts[1] != "" {
				held = texts[1]
			}
			a.setExamples(text, held, a.examples.instruction)
			a.say("The columns are named")
			a.page.Focus(examplesID)
		})
	}()
}

// ShowRow shows a row as the model sees it, by its place from 0.
func (a *App) ShowRow(row int) {
	a.examples.row = row
	a.lookAt()
}
