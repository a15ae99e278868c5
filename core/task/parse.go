// Package task turns what people paste into rows that a model can learn from:
// parsing, prompts, splits and batch order.
package task

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
)

const op = "examples"

// Caps on what is read: more is refused, not cut.
const (
	maxRows   = 100_000
	maxFaults = 20
)

// Example is one row. Either Input and Output are set, or InputIDs and Labels
// (as long as InputIDs; −100 where there is no loss; not shifted).
type Example struct {
	Input, Output, Instruction string
	Options                    []string
	InputIDs, Labels           []int32
	TaskID                     int
	Line                       int // from 1
}

// Format names how examples were written.
type Format string

// The formats that Parse tells apart.
const (
	JSONL Format = "jsonl"
	JSON  Format = "json"
	CSV   Format = "csv"
	TSV   Format = "tsv"
	Lines Format = "lines" // text => label
)

// Parsed are the good rows and what is wrong with the others.
type Parsed struct {
	Examples []Example
	Format   Format
	Faults   []*fault.Error // the first 20
	Bad      int            // rows with a fault
}

func (p *Parsed) fail(line int, format string, args ...any) {
	p.Bad++
	if len(p.Faults) < maxFaults {
		p.Faults = append(p.Faults, fault.Inputf(op, "line %d: "+format, append([]any{line}, args...)...))
	}
}

// add keeps a row that has something to learn.
func (p *Parsed) add(ex Example) {
	if len(p.Examples) >= maxRows {
		if len(p.Examples) == maxRows {
			p.fail(ex.Line, "more than %d rows", maxRows)
		}
		return
	}
	if ex.InputIDs == nil {
		if strings.TrimSpace(ex.Output) == "" {
			p.fail(ex.Line, "no output; want what the model should answer")
			return
		}
	}
	p.Examples = append(p.Examples, ex)
}

// Parse reads JSONL, a JSON array, CSV or TSV with a header, or lines of
// "text => label"; which one is told by the content. Bad rows become faults
// with their line; good rows are kept.
func Parse(data []byte) *Parsed {
	p := &Parsed{}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		p.fail(1, "UTF-16 text; save it as UTF-8")
		return p
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if i := bytes.IndexByte(data, 0); i >= 0 {
		p.fail(1+bytes.Count(data[:i], []byte("\n")), "a NUL byte; this is no text file")
		return p
	}
	if !utf8.Valid(data) {
		line := 1
		for _, l := range bytes.Split(data, []byte("\n")) {
			if !utf8.Valid(l) {
				p.fail(line, "bytes that are not UTF-8; save the file as UTF-8")
			}
			line++
		}
		return p
	}
	text := bytes.TrimSpace(data)
	if len(text) == 0 {
		p.fail(1, "no examples; give at least one row with an input and an output")
		return p
	}
	switch {
	case text[0] == '[':
		p.Format = JSON
		parseArray(p, text)
	case text[0] == '{':
		p.Format = JSONL
		parseJSONL(p, data)
	default:
		if comma, ok := table(text); ok {
			parseTable(p, data, comma)
			break
		}
		p.Format = Lines
		parseLines(p, data)
	}
	return p
}

// parseLines reads "text => label"; the last => counts.
func parseLines(p *Parsed, data []byte) {
	for i, l := range strings.Split(string(data), "\n") {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		at := strings.LastIndex(l, "=>")
		if at < 0 {
			p.fail(i+1, "got %s; want `text => label`, JSONL or CSV with a header", quote(l))
			continue
		}
		p.add(Example{Input: strings.TrimSpace(l[:at]), Output: strings.TrimSpace(l[at+2:]), Line: i + 1})
	}
}

// quote shows the beginning of a text.
func quote(s string) string {
	r := []rune(s)
	if len(r) > 40 {
		return fmt.Sprintf("%q…", string(r[:40]))
	}
	return fmt.Sprintf("%q", s)
}

// Hints are remarks on examples that are not wrong: duplicates, rows that
// contradict each other, and how classes are balanced.
func Hints(exs []Example) (hints []string) {
	outputs, labels := map[string]map[string]bool{}, map[string]int{}
	duplicates := 0
	for _, x := range exs {
		if x.InputIDs != nil {
			continue
		}
		labels[x.Output]++
		if outputs[x.Input] == nil {
			outputs[x.Input] = map[string]bool{}
		}
		if outputs[x.Input][x.Output] {
			duplicates++
		}
		outputs[x.Input][x.Output] = true
	}
	conflicts := 0
	for _, o := range outputs {
		if len(o) > 1 {
			conflicts++
		}
	}
	if duplicates > 0 {
		hints = append(hints, fmt.Sprintf("%d rows stand more than once", duplicates))
	}
	if conflicts > 0 {
		hints = append(hints, fmt.Sprintf("%d inputs have more than one output", conflicts))
	}
	if len(labels) == 1 && len(exs) > 1 {
		hints = append(hints, "all rows have the same output: there is nothing to tell apart")
	}
	if len(labels) > 1 && 2*len(labels) <= len(exs) {
		least, most := len(exs), 0
		for _, n := range labels {
			least, most = min(least, n), max(most, n)
		}
		if most >= 4*least {
			hints = append(hints, fmt.Sprintf("classes are uneven: %d to %d rows each", least, most))
		}
	}
	return hints
}
