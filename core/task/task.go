// Package task turns a person's examples into rows of token ids: it reads
// files of examples, writes prompts, splits and draws, and orders batches.
package task

import (
	"fmt"
	"strings"

	"handful/core/fault"
)

const op = "examples"

// An Example is one thing to learn: Output is the answer to Input. A
// pre-tokenised one has InputIDs and Labels instead, and OptionIDs where it has
// Options, which are then their numbers.
type Example struct {
	Input, Output    string
	Instruction      string   // of this row; it goes before the task's
	Options          []string // what Answer is one of
	InputIDs, Labels []int32  // labels: -100 for no loss, not shifted
	OptionIDs        [][]int32
	TaskID           int
	Line             int // where it begins in its file, from 1
}

// Tokenised reports whether the example came as ids.
func (e *Example) Tokenised() bool { return e.InputIDs != nil }

// Format is how a file of examples is written.
type Format string

// The formats that Parse tells apart.
const (
	JSONL Format = "jsonl" // an object a line
	JSON  Format = "json"  // one array of objects
	CSV   Format = "csv"   // with a header; commas or semicolons
	TSV   Format = "tsv"   // with a header; tabs
	Lines Format = "lines" // text => label
)

// Limits of one file.
const (
	MaxRows   = 100_000 // examples; more are refused
	MaxFaults = 20      // faults kept of each file, and unused names noted
)

// Parsed is what a file of examples holds: the good rows, in order, and what is
// wrong with the others, so that a page can show both.
type Parsed struct {
	Examples []Example
	Format   Format         // "" when it can't be told
	Faults   []*fault.Error // the first MaxFaults; each names its line, and column where known
	Bad      int            // faults in all
	Notes    []string       // what was left out or read in a way worth knowing
}

// Correct is the next step after most faults of a row.
const Correct = "correct the line, or take it out"

// Err is nil when every row is good and there is one, else the first fault and
// the number of the others.
func (s *Parsed) Err() error {
	if s.Bad == 0 {
		return nil
	}
	f := *s.Faults[0]
	if n := s.Bad - 1; n > 0 {
		f.Msg += fmt.Sprintf(" (and %d more faults)", n)
	}
	if strings.HasPrefix(f.Msg, "line ") {
		return fault.Or(&f, Correct)
	}
	return fault.Or(&f, "choose another file, or paste the examples as lines `text => label`")
}

// fail counts a fault of a line, or of the file for 0, at a column of
// characters, from 1, where that is known.
func (s *Parsed) fail(line, column int, format string, args ...any) {
	if s.Bad++; len(s.Faults) >= MaxFaults {
		return
	}
	at := ""
	switch {
	case column > 0:
		at = fmt.Sprintf("line %d, column %d: ", line, column)
	case line > 0:
		at = fmt.Sprintf("line %d: ", line)
	}
	s.Faults = append(s.Faults, fault.Inputf(op, "%s%s", at, fmt.Sprintf(format, args...)))
}

func (s *Parsed) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// add takes a row whose fields were read; false when the file has too many.
func (s *Parsed) add(e Example) bool {
	if len(s.Examples) == MaxRows {
		s.fail(e.Line, 0, "more than %d rows, want at most %d", MaxRows, MaxRows)
		return false
	}
	s.Examples = append(s.Examples, e)
	return true
}

// blank is text that shows nothing.
func blank(s string) bool { return strings.TrimSpace(s) == "" }
