package engine

import (
	"slices"

	"handful/core/fault"
	"handful/core/task"
)

// Preview is what examples look like before anything is trained.
type Preview struct {
	Rows    int            `json:"rows"`
	Format  string         `json:"format"` // jsonl, json, csv, tsv, lines
	Labels  map[string]int `json:"labels,omitempty"`
	Faults  []*fault.Error `json:"faults,omitempty"`
	Hints   []string       `json:"hints,omitempty"`
	Options []string       `json:"options,omitempty"` // those of every row, where all have the same
	Prompt  string         `json:"prompt,omitempty"`  // of the chosen row, answer included, as the tokenizer gives it back
	Answer  string         `json:"answer,omitempty"`  // the end of it that is learned
	Chosen  int            `json:"chosen"`            // the chosen row, from 0
	Table   []PreviewRow   `json:"table,omitempty"`   // the first rows
	Columns *task.Columns  `json:"columns,omitempty"` // of a table that names no input or no output: see task.Mapped
	Tokens  int            `json:"tokens"`            // of all rows
	Longest int            `json:"longest"`           // tokens of the longest row
	Cut     []CutRow       `json:"cut,omitempty"`     // rows that would be cut
}

// PreviewRow is a row and what it costs.
type PreviewRow struct {
	Line   int    `json:"line"`
	Input  string `json:"input"`
	Output string `json:"output"`
	Tokens int    `json:"tokens"`
	Learn  int    `json:"learn"` // tokens of the answer, which are learned
	Cut    int    `json:"cut"`   // tokens cut away
}

// mostTable bounds Preview.Table.
const mostTable = 100

// Preview parses examples, and shows one of them as the model sees it: the row
// chosen, from 0, or the first. Faults are part of the answer, not an error.
func (e *Engine) Preview(examples, instruction string, chosen int) *Preview {
	p := task.Parse([]byte(examples))
	if chosen < 0 || chosen >= len(p.Examples) {
		chosen = 0
	}
	out := &Preview{Chosen: chosen, Columns: task.ColumnsOf(examples), Rows: len(p.Examples), Format: string(p.Format), Faults: p.Faults, Hints: task.Hints(p.Examples), Options: sameOptions(p.Examples), Labels: map[string]int{}}
	for i, ex := range p.Examples {
		if ex.InputIDs == nil {
			out.Labels[ex.Output]++
		}
		r, err := e.encodeOne(ex, instruction, true)
		if err != nil {
			out.Faults = append(out.Faults, fault.From("examples", err))
			continue
		}
		out.Tokens += r.Tokens()
		out.Longest = max(out.Longest, r.Tokens())
		if r.Cut > 0 {
			out.Cut = append(out.Cut, CutRow{Line: r.Line, Tokens: r.Cut})
		}
		if i < mostTable {
			out.Table = append(out.Table, PreviewRow{Line: r.Line, Input: ex.Input, Output: ex.Output, Tokens: r.Tokens(), Learn: len(r.IDs) - r.Prompt, Cut: r.Cut})
		}
		if i == chosen && ex.InputIDs == nil {
			before := r.IDs[:r.Prompt]
			if e.encodes() {
				before = r.Source
			}
			out.Answer = e.tok.Decode(r.IDs[r.Prompt:])
			out.Prompt = e.tok.Decode(before) + out.Answer
		}
	}
	if len(out.Labels) > task.MaxChoices {
		out.Labels = nil
	}
	return out
}

// sameOptions are the options that all rows have, nil where rows differ.
func sameOptions(exs []task.Example) []string {
	for _, ex := range exs {
		if !slices.Equal(ex.Options, exs[0].Options) {
			return nil
		}
	}
	if len(exs) == 0 {
		return nil
	}
	return exs[0].Options
}
