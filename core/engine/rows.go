package engine

import (
	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// parse reads examples; the first bad row is the fault.
func parse(text string) ([]task.Example, error) {
	p := task.Parse([]byte(text))
	if p.Bad > 0 {
		return nil, p.Err()
	}
	if len(p.Examples) == 0 {
		return nil, fault.Inputf("examples", "no rows").Next("give at least one row with an input and an output")
	}
	return p.Examples, nil
}

// encode turns examples into tokens by the inventory's prompt.
func (e *Engine) encode(exs []task.Example, instruction string, truncate bool) (rows []tune.Row, cut []CutRow, err error) {
	for _, ex := range exs {
		r, err := e.encodeOne(ex, instruction, truncate)
		if err != nil {
			return nil, nil, err
		}
		if r.Cut > 0 {
			cut = append(cut, CutRow{Line: r.Line, Tokens: r.Cut})
		}
		rows = append(rows, rowOf(r))
	}
	return rows, cut, nil
}

func rowOf(r task.Row) tune.Row {
	return tune.Row{IDs: r.IDs, Labels: r.Labels, Source: r.Source, Task: r.TaskID}
}

// limits are what the base wants of rows.
func (e *Engine) limits(truncate bool) task.Limits {
	c := e.model.Config()
	return task.Limits{Tokens: c.Context, Vocab: c.Vocab, Truncate: truncate, Encodes: c.Encodes(), Start: c.Start}
}

func (e *Engine) encodeOne(ex task.Example, instruction string, truncate bool) (task.Row, error) {
	if e.tok == nil && ex.InputIDs == nil {
		return task.Row{}, fault.Inputf("examples", "line %d is text and the base has no tokenizer", ex.Line).
			Next("add tokenizer.json to the base's folder, or give input_ids and labels")
	}
	r, err := task.Encode(e.tok, e.template, instruction, ex, e.limits(truncate))
	return r, fault.Or(err, task.Correct)
}

// unlabelled is the fault for a row that would have to have a label.
func unlabelled(ex task.Example) error {
	return fault.Inputf("examples", "line %d has no label that counts (the first position's can't be predicted)", ex.Line).Next("give it an output")
}
