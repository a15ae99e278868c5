package task

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Parse reads a file of examples, or what was pasted. It tells by the content
// what it has:
//
//   - JSON objects, one a line, or one array of them: {"input", "output"} and,
//     if wanted, "options" (a list), "instruction" and "task_id". Instead of
//     input and output: text / label, prompt / completion, question / answer,
//     sentence / target or response; or "messages" as chat models have them, of which the last of the
//     assistant is the output, the last of the user before it the input and the
//     system's the instruction; or {"input_ids", "labels", "options"?}, lists of
//     integers, the last a list of such lists.
//     Numbers, true and false count as their text.
//   - CSV (commas or semicolons) or TSV, whose first line names the columns by
//     the same names; options have semicolons between them, or are a JSON list.
//     Spaces around a cell are dropped.
//   - lines `text => label`; the last => of a line counts.
//
// Names of fields may be written large or small. A byte order mark, CRLF and
// blank lines don't matter. Nothing is ever dropped in silence: a row that is
// not good is a fault with its line, and a Note says which fields are unused.
func Parse(data []byte) *Parsed {
	s := &Parsed{}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if what := notText(data); what != "" {
		s.fail(0, 0, "this is %s, want text in UTF-8: JSONL, CSV, TSV or lines `text => label`", what)
		s.Faults[0].Next("save the rows as text in UTF-8, one a line")
		return s
	}
	r := &reader{Parsed: s, data: data, unused: map[string]bool{}}
	if !r.scan() {
		s.fail(0, 0, "this is no text in UTF-8: more than %d lines hold other bytes", maxBadLines)
		return s
	}
	switch first := firstLine(data); {
	case first == "":
		s.fail(0, 0, "no examples: the file is empty")
		return s
	case isArray(data):
		s.Format = JSON
		r.array()
	case isObject(first):
		s.Format = JSONL
		r.jsonLines()
	default:
		r.text(first)
	}
	r.spoiled(0, len(data))
	if s.Bad == 0 && len(s.Examples) == 0 {
		s.fail(0, 0, "no examples: the file has no rows")
	}
	r.notes()
	return s
}

// reader is a Parsed in the making.
type reader struct {
	*Parsed
	data   []byte
	broken []flaw          // lines that aren't text, in order
	unused map[string]bool // names of fields that nothing reads
	turns  int             // rows of messages with turns left out
}

// A flaw is something in a line that is no text.
type flaw struct {
	line, column int
	what         string
}

// maxBadLines bounds what is remembered of a file that isn't text.
const maxBadLines = 1000

// scan finds lines that hold NUL or aren't UTF-8; false when there are too many.
func (r *reader) scan() bool {
	line := 0
	for rest := r.data; len(rest) > 0; {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte("\n"))
		line++
		at, what := bytes.IndexByte(l, 0), "a NUL character"
		if !utf8.Valid(l) {
			for i := 0; i < len(l); {
				c, n := utf8.DecodeRune(l[i:])
				if c == utf8.RuneError && n == 1 {
					at, what = i, "a byte that is not UTF-8; save the file as UTF-8"
					break
				}
				i += n
			}
		}
		if at >= 0 {
			if len(r.broken) == maxBadLines {
				return false
			}
			r.broken = append(r.broken, flaw{line, utf8.RuneCount(l[:at]) + 1, what})
		}
	}
	return true
}

// spoiled gives the faults of lines lo to hi, if any; they are counted once.
func (r *reader) spoiled(lo, hi int) bool {
	n := 0
	for n < len(r.broken) && r.broken[n].line <= hi {
		f := r.broken[n]
		r.fail(f.line, f.column, "%s", f.what)
		n++
	}
	hit := n > 0 && r.broken[n-1].line >= lo
	r.broken = r.broken[n:]
	return hit
}

func firstLine(data []byte) string {
	data = bytes.TrimLeft(data, " \t\r\n")
	l, _, _ := bytes.Cut(data, []byte("\n"))
	return string(bytes.TrimRight(l, "\r"))
}

// after is what follows the first character of b and spaces.
func after(b []byte) []byte { return bytes.TrimLeft(b[1:], " \t\r\n") }

func isArray(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	if data[0] != '[' {
		return false
	}
	next := after(data)
	return len(next) == 0 || next[0] == '{' || next[0] == ']'
}

func isObject(first string) bool {
	if first[0] != '{' {
		return false
	}
	next := after([]byte(first))
	return len(next) == 0 || next[0] == '"' || next[0] == '}'
}

// kinds are beginnings of files that people take for examples.
var kinds = []struct{ magic, what string }{
	{"PK\x03\x04", "a ZIP archive (so is an Excel or LibreOffice file)"},
	{"\x1f\x8b", "a gzip archive"},
	{"PAR1", "a Parquet file"},
	{"GGUF", "a GGUF model"},
	{"%PDF-", "a PDF file"},
	{"\xd0\xcf\x11\xe0", "an old Office file"},
	{"\xff\xfe", "text in UTF-16"},
	{"\xfe\xff", "text in UTF-16"},
	{"<!DOCTYPE", "a web page"},
	{"<!doctype", "a web page"},
	{"<html", "a web page"},
}

func notText(data []byte) string {
	for _, k := range kinds {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return k.what
		}
	}
	if len(data) >= 4 && (data[0] == 0 && data[2] == 0 || data[1] == 0 && data[3] == 0) {
		return "text in UTF-16"
	}
	return ""
}

// text reads what isn't JSON: a table or lines with arrows.
func (r *reader) text(first string) {
	if comma, ok := tableOf(first); ok {
		r.table(comma)
		return
	}
	if strings.Contains(first, "=>") {
		r.Format = Lines
		r.arrows()
		return
	}
	for _, comma := range delimiters {
		if strings.ContainsRune(first, comma) {
			r.headless(first, comma)
			return
		}
	}
	r.fail(1, 0, "%s is no example, and one column is not enough; want JSONL, a table with the columns input and output, or lines `text => label`", quote(first))
}

// arrows reads lines `text => label`.
func (r *reader) arrows() {
	line := 0
	for rest := r.data; len(rest) > 0; {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte("\n"))
		line++
		text := strings.TrimSpace(string(l))
		if r.spoiled(line, line) || text == "" {
			continue
		}
		i := strings.LastIndex(text, "=>")
		if i < 0 {
			r.fail(line, 0, "no => between text and label in %s", quote(text))
			continue
		}
		e := Example{Input: strings.TrimSpace(text[:i]), Output: strings.TrimSpace(text[i+2:]), Line: line}
		if why := e.incomplete(); why != "" {
			r.fail(line, 0, "%s", why)
		} else if !r.add(e) {
			return
		}
	}
}

// incomplete says what a row of text lacks.
func (e *Example) incomplete() string {
	switch {
	case blank(e.Output):
		return "the output is empty"
	case blank(e.Input) && blank(e.Instruction):
		return "the input is empty"
	}
	return ""
}

// quote shows a piece of the file in a fault.
func quote(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "…"
	}
	b, err := json.Marshal(s)
	if err != nil {
		return "it"
	}
	return string(b)
}
