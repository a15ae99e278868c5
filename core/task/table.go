package task

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var delimiters = []rune{'\t', ',', ';'}

// header reads a first line as names of columns.
func header(line string, comma rune) []string {
	c := csv.NewReader(strings.NewReader(line))
	c.Comma = comma
	names, err := c.Read()
	if err != nil {
		return nil
	}
	for i, n := range names {
		names[i] = strings.ToLower(strings.TrimSpace(n))
	}
	return names
}

// tableOf finds the delimiter with which a first line names input and output.
func tableOf(first string) (rune, bool) {
	for _, comma := range delimiters {
		if in, out := sides(header(first, comma)); in >= 0 && out >= 0 {
			return comma, true
		}
	}
	return 0, false
}

func (r *reader) setFormat(comma rune) {
	r.Format = CSV
	if comma == '\t' {
		r.Format = TSV
	}
}

// headless says what a table's first line lacks.
func (r *reader) headless(first string, comma rune) {
	r.setFormat(comma)
	names := header(first, comma)
	want := "input,output"
	if comma == '\t' {
		want = "input<tab>output"
	}
	switch in, out := sides(names); {
	case in >= 0:
		r.fail(1, 0, "the header has no column for the output: %s, want %s", quote(first), outputNames)
	case out >= 0:
		r.fail(1, 0, "the header has no column for the input: %s, want %s", quote(first), inputNames)
	default:
		r.fail(1, 0, "the first line names no columns: %s, want a header such as %s", quote(first), want)
	}
}

// table reads CSV or TSV. Quotes are as in RFC 4180. In a TSV whose quotes
// aren't, they are characters like others, as that format says.
func (r *reader) table(comma rune) {
	r.setFormat(comma)
	c := csv.NewReader(bytes.NewReader(r.data))
	c.Comma, c.FieldsPerRecord = comma, -1
	if comma == '\t' && !quotesMatch(r.data) {
		r.note("quotes are read as characters of the text, as they don't pair")
		r.rows(&tabs{rest: r.data})
		return
	}
	r.rows(&quoted{c: c, data: r.data})
}

// A record is a row of cells, from line lo to hi. Problem says why it has none.
type record struct {
	cells   []string
	lo, hi  int
	column  int
	problem string
}

// filled gives the next record that isn't blank.
func filled(src interface{ next() (record, bool) }) (record, bool) {
	for {
		rec, ok := src.next()
		if !ok || rec.problem != "" || !blank(strings.Join(rec.cells, "")) {
			return rec, ok
		}
	}
}

// rows reads records of which the first is the header.
func (r *reader) rows(src interface{ next() (record, bool) }) {
	head, ok := filled(src)
	if !ok || r.spoiled(head.lo, head.hi) {
		return
	}
	names := head.cells
	for i, n := range names {
		names[i] = strings.ToLower(strings.TrimSpace(n))
	}
	in, out := sides(names)
	options, instruction, task := slices.Index(names, "options"), slices.Index(names, "instruction"), slices.Index(names, "task_id")
	for _, i := range []int{in, out, options, instruction, task} {
		if i >= 0 && slices.Contains(names[i+1:], names[i]) {
			r.fail(head.lo, 0, "two columns are named %s", quote(names[i]))
			return
		}
	}
	r.unusedOf(names, in, out, options, instruction, task)
	for {
		rec, ok := filled(src)
		if !ok {
			return
		}
		if r.spoiled(rec.lo, rec.hi) {
			continue
		}
		if rec.problem != "" {
			r.fail(rec.lo, rec.column, "%s", rec.problem)
			continue
		}
		if len(rec.cells) != len(names) {
			r.fail(rec.lo, 0, "%d cells, want %d as in the header; put a cell that holds the delimiter or a line break in quotes", len(rec.cells), len(names))
			continue
		}
		cell := func(i int) string {
			if i < 0 {
				return ""
			}
			return strings.TrimSpace(rec.cells[i])
		}
		e := Example{Input: cell(in), Output: cell(out), Instruction: cell(instruction), Line: rec.lo}
		why := e.incomplete()
		if s := cell(options); s != "" && why == "" {
			e.Options, why = splitOptions(s)
		}
		if s := cell(task); s != "" && why == "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 || n > maxTask {
				why = "task_id is " + quote(s) + ", want a number from 0"
			}
			e.TaskID = n
		}
		if why != "" {
			r.fail(rec.lo, 0, "%s", why)
		} else if !r.add(e) {
			return
		}
	}
}

// splitOptions reads `a; b; c` or a JSON list.
func splitOptions(s string) ([]string, string) {
	if s[0] == '[' {
		var raw []json.RawMessage
		if json.Unmarshal([]byte(s), &raw) == nil {
			return optionList(raw)
		}
	}
	var all []string
	for o := range strings.SplitSeq(s, ";") {
		if o = strings.TrimSpace(o); o != "" {
			all = append(all, o)
		}
	}
	return all, ""
}

// quoted reads records of a csv.Reader, and goes on after a faulty one.
type quoted struct {
	c    *csv.Reader
	data []byte
	line int // where the record before ended
}

func (q *quoted) next() (record, bool) {
	cells, err := q.c.Read()
	if errors.Is(err, io.EOF) {
		return record{}, false
	}
	var p *csv.ParseError
	if errors.As(err, &p) {
		q.line = p.Line
		if errors.Is(err, csv.ErrBareQuote) {
			end := int(q.c.InputOffset())
			line := q.data[bytes.LastIndexByte(q.data[:end-1], '\n')+1 : end]
			return record{lo: p.Line, hi: p.Line, column: utf8.RuneCount(line[:p.Column-1]) + 1, problem: `a quote in a cell that doesn't begin with one; put the cell in quotes and write "" for a quote inside`}, true
		}
		return record{lo: p.StartLine, hi: p.Line, problem: `the quotes don't pair: text follows a closing quote, or one is never closed; write "" for a quote inside`}, true
	}
	lo, _ := q.c.FieldPos(0)
	last, _ := q.c.FieldPos(len(cells) - 1)
	q.line = last + strings.Count(cells[len(cells)-1], "\n")
	return record{cells: cells, lo: lo, hi: q.line}, true
}

// tabs reads records without quotes.
type tabs struct {
	rest []byte
	line int
}

func (t *tabs) next() (record, bool) {
	for len(t.rest) > 0 {
		var l []byte
		l, t.rest, _ = bytes.Cut(t.rest, []byte("\n"))
		t.line++
		if l = bytes.TrimSuffix(l, []byte("\r")); len(l) > 0 {
			return record{cells: strings.Split(string(l), "\t"), lo: t.line, hi: t.line}, true
		}
	}
	return record{}, false
}

// quotesMatch reports whether a TSV keeps to RFC 4180's quotes.
func quotesMatch(data []byte) bool {
	if bytes.IndexByte(data, '"') < 0 {
		return true
	}
	c := csv.NewReader(bytes.NewReader(data))
	c.Comma, c.FieldsPerRecord, c.ReuseRecord = '\t', -1, true
	for {
		if _, err := c.Read(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
