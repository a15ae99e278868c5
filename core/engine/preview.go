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
	Prompt  string         `json:"prompt,omitempty"`  // of the first row, answer included
	Tokens  int            `json:"tokens"`            // of all rows
	Longest int            `json:"longest"`           // tokens of the longest row
	Cut     []CutRow       `json:"cut,omitempty"`     // rows that would be cut
}

// Preview parses examples and renders the first. Faults are part of the
// answer, not an error.
func (e *Engine) Preview(examples, instruction string) *Preview {
	p := task.Parse([]byte(examples))
	out := &Preview{Rows: len(p.Examples), Format: string(p.Format), Faults: p.Faults, Hints: task.Hints(p.Examples), Options: sameOptions(p.Examples), Labels: map[string]int{}}
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
		if i == 0 && ex.InputIDs == nil {
			if prompt, answer, err := e.template.Render(instruction, ex); err == nil {
				out.Prompt = prompt + answer
			}
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
