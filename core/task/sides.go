package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"handful/core/fault"
)

// Sides say which columns of a table, or fields of JSON objects, are the input
// and the output: by name, large or small, or a column by its number from 1. A
// side that is empty is found as Parse finds it.
type Sides struct {
	Input    string `json:"inputColumn"`
	Output   string `json:"outputColumn"`
	NoHeader bool   `json:"noHeader"` // the table's first line is a row
}

// Name gives the same rows, on the same lines, with those columns named as Parse
// reads them; without a header one is put before them. Other columns that would
// be read as a side are renamed; options, instruction and task_id stay. Without
// sides so do data. op is what data are called in faults.
func (s Sides) Name(op, data string) (string, error) {
	if s == (Sides{}) {
		return data, nil
	}
	lead, first, rest := leading(data)
	switch {
	case first == "" || notText([]byte(data)) != "":
		return data, nil // Parse says what it is
	case isArray([]byte(first + rest)):
		return s.array(op, lead, first+rest)
	case isObject(strings.TrimSpace(first)):
		return s.objects(op, lead, first+rest)
	}
	return s.table(op, lead, first, rest)
}

// leading parts text into a byte order mark with blank lines, the first line
// without its end, and what follows.
func leading(data string) (lead, first, rest string) {
	at := len(data) - len(strings.TrimPrefix(data, "\ufeff"))
	for at < len(data) {
		end := strings.IndexByte(data[at:], '\n') + at + 1
		if end == at {
			end = len(data)
		}
		if first = strings.TrimRight(data[at:end], "\r\n"); !blank(first) {
			return data[:at], first, data[at+len(first):]
		}
		at = end
	}
	return data, "", ""
}

// table renames the header's cells.
func (s Sides) table(op, lead, first, rest string) (string, error) {
	var problem error
	for _, comma := range delimiters {
		names := cells(first, comma)
		if len(names) < 2 {
			continue
		}
		in, out, err := s.find(op, names, true)
		if err != nil {
			if problem == nil {
				problem = err
			}
			continue
		}
		head, err := headLine(op, headings(names, in, out, !s.NoHeader, aSide), comma)
		if err != nil {
			return "", err
		}
		head = strings.TrimSuffix(head, "\n")
		if s.NoHeader {
			return lead + head + "\n" + first + rest, nil
		}
		return lead + head + rest, nil
	}
	if problem == nil {
		problem = fault.Inputf(op, "%s is no row of a table, so there are no columns to choose", quote(first)).Next("give CSV, TSV or JSON, or leave --input-column and --output-column out")
	}
	return "", problem
}

// objects renames fields, line by line; a line that is no object stays.
func (s Sides) objects(op, lead, data string) (string, error) {
	s.NoHeader = false // fields have names
	var b strings.Builder
	b.WriteString(lead)
	seen := false
	for line := range strings.Lines(data) {
		raw := []byte(strings.TrimRight(line, "\r\n"))
		if syntax(raw) != nil || bytes.TrimSpace(raw)[0] != '{' {
			b.WriteString(line)
			continue
		}
		named, err := s.object(op, raw, !seen)
		if err != nil {
			return "", err
		}
		seen = true
		b.Write(named)
		b.WriteString(line[len(raw):])
	}
	return b.String(), nil
}

// array renames the fields of an array's objects; what can't be read stays.
func (s Sides) array(op, lead, data string) (string, error) {
	s.NoHeader = false
	var b strings.Builder
	b.WriteString(lead)
	d := json.NewDecoder(strings.NewReader(data))
	at, seen := 0, false
	for _, err := d.Token(); err == nil && d.More(); {
		var raw json.RawMessage
		if err = d.Decode(&raw); err != nil || raw[0] != '{' {
			continue
		}
		named, err := s.object(op, raw, !seen)
		if err != nil {
			return "", err
		}
		end := int(d.InputOffset())
		b.WriteString(data[at : end-len(raw)])
		b.Write(named)
		at, seen = end, true
	}
	b.WriteString(data[at:])
	return b.String(), nil
}

// object renames an object's fields. The first one must have both sides; what a
// later one lacks is for Parse to tell.
func (s Sides) object(op string, raw []byte, first bool) ([]byte, error) {
	names, _, _, _ := fields(raw)
	in, out, err := s.find(op, names, false)
	if err != nil && first {
		return nil, err
	}
	heads := headings(names, in, out, true, aSide)
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return raw, nil
	}
	var b bytes.Buffer
	at := 0
	for i, name := range heads {
		if _, err := d.Token(); err != nil {
			return raw, nil
		}
		end := int(d.InputOffset())
		begin := at + bytes.IndexByte(raw[at:end], '"') // between the value before and the name there is no other
		key := raw[begin:end]
		if name != names[i] {
			key, _ = json.Marshal(name) // text has no errors
		}
		b.Write(raw[at:begin])
		b.Write(key)
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return raw, nil
		}
		at = int(d.InputOffset())
		b.Write(raw[end:at])
	}
	b.Write(raw[at:])
	return b.Bytes(), nil
}

// find gives the places of the sides among names, which count by number too where
// they are columns; -1 of one that is not there, with a fault.
func (s Sides) find(op string, names []string, numbers bool) (in, out int, err error) {
	place := func(flag, want string) int {
		i := -1
		if !s.NoHeader {
			i = slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), strings.TrimSpace(want)) })
		}
		if n, e := strconv.Atoi(want); i < 0 && e == nil && numbers && n >= 1 && n <= len(names) {
			i = n - 1
		}
		if i < 0 && err == nil {
			err = fault.Inputf(op, "--%s %s is no column; there are %s", flag, quote(want), listed(names, numbers)).Next("name one of them")
		}
		return i
	}
	in, out = -1, -1
	if s.Input != "" {
		in = place("input-column", s.Input)
	}
	if s.Output != "" {
		out = place("output-column", s.Output)
	}
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(strings.TrimSpace(n))
	}
	missing := func(side string) error {
		return fault.Inputf(op, "no column is named as the %s; there are %s", side, listed(names, numbers)).Next("say which one is with --%s-column", side)
	}
	switch {
	case err != nil:
	case in >= 0 && in == out:
		err = fault.Inputf(op, "the input and the output are both column %s", quote(names[in])).Next("choose two columns")
	case s.NoHeader && in < 0:
		err = missing("input")
	case s.NoHeader && out < 0:
		err = missing("output")
	case in < 0 && out >= 0:
		lower[out] = "output"
		if in, _ = sides(lower); in < 0 {
			err = missing("input")
		}
	case out < 0:
		lower[in] = "input"
		if _, out = sides(lower); out < 0 {
			err = missing("output")
		}
	}
	return in, out, err
}

// mostNamed bounds the columns that a fault names.
const mostNamed = 20

// listed names columns, by number too where they have one.
func listed(names []string, numbers bool) string {
	var all []string
	for i, n := range names[:min(len(names), mostNamed)] {
		if n = quote(n); numbers {
			n = fmt.Sprintf("%d %s", i+1, n)
		}
		all = append(all, n)
	}
	if more := len(names) - mostNamed; more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}
