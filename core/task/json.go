package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonLines reads an object a line.
func (r *reader) jsonLines() {
	line := 0
	for rest := r.data; len(rest) > 0; {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte("\n"))
		line++
		if r.spoiled(line, line) || len(bytes.TrimSpace(l)) == 0 {
			continue
		}
		if err := syntax(l); err != nil {
			if len(r.Examples) == 0 && r.Bad == 0 && json.Valid(r.data) {
				r.fail(line, 0, "this is one JSON object over many lines, want an object a line, or an array of them")
				return
			}
			at, what := where(err, len(l))
			r.failAt(line, l, at, what)
			continue
		}
		if !r.object(l, l, line) {
			return
		}
	}
}

// array reads one array of objects.
func (r *reader) array() {
	d := json.NewDecoder(bytes.NewReader(r.data))
	line, lineAt, at := 1, 0, 0 // the line of byte at, and where it begins
	moveTo := func(to int) {
		line += bytes.Count(r.data[at:to], []byte("\n"))
		if i := bytes.LastIndexByte(r.data[at:to], '\n'); i >= 0 {
			lineAt = at + i + 1
		}
		at = to
	}
	fail := func(to int, what string) {
		moveTo(min(max(to, at), len(r.data)))
		r.failAt(line, r.data[lineAt:], at-lineAt, what)
	}
	if _, err := d.Token(); err != nil {
		fail(0, err.Error())
		return
	}
	for d.More() {
		start := len(r.data) - len(bytes.TrimLeft(r.data[d.InputOffset():], " \t\r\n,"))
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			// The decoder doesn't say where: parsing what is left does.
			off, what := 0, err.Error()
			if rest := syntax(r.data[start:]); rest != nil {
				off, what = where(rest, len(r.data)-start)
			}
			fail(start+off, what+"; the rows from here on can't be read")
			return
		}
		end := int(d.InputOffset())
		moveTo(start)
		lo, hi := line, line+bytes.Count(r.data[start:end], []byte("\n"))
		if r.spoiled(lo, hi) {
			continue
		}
		if raw[0] != '{' {
			fail(start, fmt.Sprintf("%s, want an object", quote(string(raw))))
			continue
		}
		if !r.object(raw, r.data[lineAt:end], lo) {
			return
		}
	}
	if _, err := d.Token(); err != nil {
		fail(len(r.data), "the array is never closed")
	} else if end := int(d.InputOffset()); len(bytes.TrimSpace(r.data[end:])) > 0 {
		fail(end, "text after the array's end")
	}
}

// failAt counts a fault at a byte of some lines, the first of which has that
// number.
func (r *reader) failAt(number int, lines []byte, at int, what string) {
	if len(r.Faults) >= MaxFaults { // only counted
		r.fail(0, 0, "")
		return
	}
	before := lines[:min(max(at, 0), len(lines))]
	last := bytes.LastIndexByte(before, '\n') + 1
	r.fail(number+bytes.Count(before, []byte("\n")), utf8.RuneCount(before[last:])+1, "%s", what)
}

// syntax says what is wrong with JSON text.
func syntax(b []byte) error {
	var raw json.RawMessage
	return json.Unmarshal(b, &raw)
}

// where gives the byte that a parser stopped at, and its words.
func where(err error, size int) (at int, what string) {
	var s *json.SyntaxError
	if errors.As(err, &s) {
		at = int(s.Offset) - 1
		if strings.HasPrefix(s.Error(), "unexpected end") {
			at = size
		}
	}
	return at, "not JSON: " + err.Error()
}

// object reads one row, valid JSON, which lies at the end of line.
func (r *reader) object(raw, line []byte, number int) bool {
	names, values, offsets, dup := fields(raw)
	base := len(line) - len(raw)
	fail := func(field int, what string) bool {
		r.failAt(number, line, base+offsets[field], what)
		return true
	}
	if dup >= 0 {
		return fail(dup, quote(names[dup])+" is there twice")
	}
	e := Example{Line: number}
	used := []int{}
	// read hands a field to a reader, if it's there; a reason is a fault.
	bad := false
	read := func(name string, into func(json.RawMessage) string) {
		i := slices.Index(names, name)
		if used = append(used, i); i < 0 || bad || isNull(values[i]) {
			return
		}
		if why := into(values[i]); why != "" {
			bad = true
			fail(i, quote(name)+" "+why)
		}
	}
	read("task_id", e.readTask)
	in, out := sides(names)
	switch {
	case slices.Contains(names, "input_ids"):
		read("input_ids", func(v json.RawMessage) string { return integers(v, &e.InputIDs) })
		read("labels", func(v json.RawMessage) string { return integers(v, &e.Labels) })
		read("attention_mask", noPadding)
		read("options", e.readOptionIDs)
		if !bad && (e.InputIDs == nil || e.Labels == nil) {
			r.fail(number, 0, "input_ids and labels go together, want both")
			bad = true
		}
	case (in < 0 || out < 0) && slices.Contains(names, "messages"):
		read("messages", func(v json.RawMessage) string { return r.readMessages(v, &e) })
		read("options", e.readOptions)
	default:
		if out < 0 || isNull(values[out]) {
			r.fail(number, 0, "no output, want %s", outputNames)
			bad = true
		} else if in < 0 {
			r.fail(number, 0, "no input, want %s", inputNames)
			bad = true
		} else {
			read(names[in], func(v json.RawMessage) string { return scalar(v, &e.Input) })
			read(names[out], func(v json.RawMessage) string { return scalar(v, &e.Output) })
		}
		read("options", e.readOptions)
		read("instruction", func(v json.RawMessage) string { return scalar(v, &e.Instruction) })
	}
	if bad {
		return true
	}
	if !e.Tokenised() {
		if why := e.incomplete(); why != "" {
			r.fail(number, 0, "%s", why)
			return true
		}
	}
	r.unusedOf(names, used...)
	return r.add(e)
}

func isNull(v json.RawMessage) bool { return string(v) == "null" }

// fields takes a JSON object apart: names in lower case, values, and where in
// raw each value begins; dup is a field named twice, or -1.
func fields(raw []byte) (names []string, values []json.RawMessage, offsets []int, dup int) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.Token() // raw is known to be an object
	dup = -1
	seen := map[string]bool{}
	for d.More() {
		name, _ := d.Token()
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return
		}
		n := strings.ToLower(fmt.Sprint(name))
		if dup < 0 && seen[n] {
			dup = len(names)
		}
		seen[n] = true
		names, values, offsets = append(names, n), append(values, v), append(offsets, int(d.InputOffset())-len(v))
	}
	return
}

// maxTask bounds task ids, which index rows of a router.
const maxTask = 1 << 20

func (e *Example) readTask(v json.RawMessage) string {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < 0 || n > maxTask {
		return "is " + quote(string(v)) + ", want a whole number from 0"
	}
	e.TaskID = n
	return ""
}

func (e *Example) readOptions(v json.RawMessage) (why string) {
	var raw []json.RawMessage
	if json.Unmarshal(v, &raw) != nil {
		return "is not a list"
	}
	e.Options, why = optionList(raw)
	return why
}

func (e *Example) readOptionIDs(v json.RawMessage) string {
	var raw []json.RawMessage
	if json.Unmarshal(v, &raw) != nil {
		return "is not a list"
	}
	for _, o := range raw {
		var ids []int32
		if why := integers(o, &ids); why != "" {
			return "of token ids: one " + why
		}
		if len(ids) == 0 {
			return "of token ids: one is empty"
		}
		e.OptionIDs, e.Options = append(e.OptionIDs, ids), append(e.Options, Numbers(ids))
	}
	return ""
}

func optionList(raw []json.RawMessage) (all []string, why string) {
	for _, o := range raw {
		var s string
		if why := scalar(o, &s); why != "" {
			return nil, "of options: one " + why
		}
		all = append(all, s)
	}
	return all, ""
}

// scalar reads text; numbers, true and false are taken as they are written.
func scalar(v json.RawMessage, into *string) string {
	switch v[0] {
	case '"':
		if i := loneSurrogate(v); i >= 0 {
			return fmt.Sprintf("holds %s, half of a character", v[i:i+6])
		}
		if err := json.Unmarshal(v, into); err != nil {
			return err.Error()
		}
	case '{':
		return "is an object, want text"
	case '[':
		return "is a list, want text"
	case 'n':
		return "is null, want text"
	default:
		*into = string(v)
	}
	return ""
}

// loneSurrogate finds an escape \uD800 to \uDFFF that isn't one of a pair,
// which JSON allows and UTF-8 has no bytes for; -1 when there is none.
func loneSurrogate(b []byte) int {
	unit := func(i int) uint64 {
		if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(b[i+2:i+6]), 16, 16)
		return n
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		switch u := unit(i); {
		case u >= 0xd800 && u < 0xdc00 && unit(i+6)>>10 == 0xdc00>>10:
			i += 11
		case u >= 0xd800 && u < 0xe000:
			return i
		default:
			i++
		}
	}
	return -1
}
