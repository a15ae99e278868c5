package engine

import (
	"context"

	"handful/core/fault"
	"handful/core/task"
)

// AgainstOptions say what a fine-tune is compared with.
type AgainstOptions struct {
	With  string `json:"with"`  // icl: the base with the same examples in its prompt; z, mu, lora: trained on them
	Steps int    `json:"steps"` // of what is trained; 0: as the inventory recommends, or the method's own
	Batch int    `json:"batch"` // likewise
}

// Against judges another way to use the examples that f has learned from on the
// rows that f was scored on. What is trained has the same seed, and is dropped
// when it is judged. on may be nil; it hears the steps.
func (e *Engine) Against(ctx context.Context, f *Fit, o AgainstOptions, on func(Event)) (*ScoreRow, error) {
	if len(f.held) == 0 {
		return nil, fault.Inputf("compare", "the fine-tune was scored on no rows").Next("adapt again, with test rows or some held out")
	}
	asked := f.asked
	train, _, err := e.split(&asked)
	if err != nil {
		return nil, err
	}
	a := Adapter{tasks: 1}
	judge := EvalOptions{Instruction: f.options.Instruction, Truncate: f.options.Truncate}
	switch o.With {
	case "icl":
		judge.Context = task.JSONLines(train)
	case "z", "mu", "lora":
		x := e.Defaults(o.With)
		x.Examples, x.Instruction, x.Options = task.JSONLines(train), asked.Instruction, asked.Options
		x.Seed, x.Order, x.Truncate = asked.Seed, asked.Order, asked.Truncate
		if o.Steps > 0 {
			x.Steps = o.Steps
		}
		if o.Batch > 0 {
			x.Batch = o.Batch
		}
		got, err := e.Adapt(ctx, x, on)
		if err != nil {
			return nil, err
		}
		a = got.Adapter
		defer e.Free(a)
		if got.Stopped {
			return nil, fault.From("compare", context.Canceled)
		}
	default:
		return nil, fault.Inputf("compare", "got %.20q, want icl, z, mu or lora", o.With)
	}
	defer e.lock()()
	a.Name = o.With
	return e.evaluate(ctx, a, f.held, f.labels, judge)
}
