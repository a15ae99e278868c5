package engine

import (
	"context"

	"handful/core/fault"
	"handful/core/tune"
)

// AlignTask is a task's name and examples.
type AlignTask struct {
	Name     string `json:"name"`
	Examples string `json:"examples"`
}

// AlignOptions say how rows are read.
type AlignOptions struct {
	Instruction string `json:"instruction"`
	Rows        int    `json:"rows"` // of each task, the first; 0: all
	Truncate    bool   `json:"truncate"`
}

// Alignment tells how far the gradients of tasks point the same way
// (tune.Alignment), by task in the order that they were given in.
type Alignment struct {
	Tasks      []string    `json:"tasks"`
	Rows       []int       `json:"rows"`
	Loss       []float64   `json:"loss"` // nats per label token
	GradNorm   []float64   `json:"grad_norm"`
	Cosine     [][]float64 `json:"cosine"` // between tasks' gradients
	Mean       float64     `json:"mean"`   // cosine over all pairs of different tasks
	Parameters int         `json:"parameters"`
}

// Align compares the gradients of tasks with respect to a's A and B. With a
// routed inventory each row's task_id picks its router row. on may be nil; it
// hears after each task how many are done.
func (e *Engine) Align(ctx context.Context, a Adapter, tasks []AlignTask, o AlignOptions, on func(done int)) (_ *Alignment, err error) {
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	if a.route == nil {
		return nil, fault.Inputf("align", "the bare base has no A and B").Next("open an inventory or an adapter")
	}
	out := &Alignment{}
	var sets [][]tune.Row
	for _, t := range tasks {
		exs, err := parse(t.Examples)
		if err != nil {
			return nil, err
		}
		if o.Rows > 0 && len(exs) > o.Rows {
			exs = exs[:o.Rows]
		}
		rows, _, err := e.encode(exs, o.Instruction, o.Truncate)
		if err != nil {
			return nil, err
		}
		sets = append(sets, rows)
		out.Tasks, out.Rows = append(out.Tasks, t.Name), append(out.Rows, len(rows))
	}
	got, err := tune.Align(ctx, e.dev, e.model, a.route, a.tasks, sets, on)
	if err != nil {
		return nil, fault.Or(err, "correct the tasks' rows; each wants a label, and a task_id that the adapter has")
	}
	out.Loss, out.GradNorm, out.Cosine, out.Mean, out.Parameters = got.Loss, got.Norm, got.Cosine, got.Mean, got.Parameters
	return out, nil
}
