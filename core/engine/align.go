package engine

import (
	"context"

	"handful/core/fault"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tune"
)

// AlignTask is a task's name and examples.
type AlignTask struct {
	Name        string `json:"name"`
	Examples    string `json:"examples"`
	Instruction string `json:"instruction"` // "": AlignOptions has it
}

// AlignOptions say how rows are read.
type AlignOptions struct {
	Instruction string `json:"instruction"` // of tasks that bring none
	Rows        int    `json:"rows"`        // of each task, the first; 0: all
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

// Align compares the gradients of tasks with respect to a's A and B. Under
// "skills" a task is routed as the training task of its name, see
// skillsAdapter. on may be nil; it hears after each task how many are done.
func (e *Engine) Align(ctx context.Context, a Adapter, tasks []AlignTask, o AlignOptions, on func(done int)) (_ *Alignment, err error) {
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	if a.route == nil {
		return nil, fault.Inputf("align", "the bare base has no A and B").Next("open an inventory or an adapter")
	}
	sets, err := e.alignRows(a.row, tasks, o)
	if err != nil {
		return nil, err
	}
	got, err := tune.Align(ctx, e.dev, e.model, a.route, a.tasks, sets, on)
	if err != nil {
		return nil, fault.Or(err, correctTasks)
	}
	out := &Alignment{Loss: got.Loss, GradNorm: got.Norm, Cosine: got.Cosine, Mean: got.Mean, Parameters: got.Parameters}
	for i, t := range tasks {
		out.Tasks, out.Rows = append(out.Tasks, t.Name), append(out.Rows, len(sets[i]))
	}
	return out, nil
}

// correctTasks is the next step after most faults of tasks' rows.
const correctTasks = "correct the tasks' rows; each wants a label, and a task_id that the adapter has"

// alignRows encodes tasks' rows; row, which may be nil, tells a task's router
// row.
func (e *Engine) alignRows(row func(task string) int, tasks []AlignTask, o AlignOptions) (sets [][]tune.Row, err error) {
	for _, t := range tasks {
		exs, err := parse(t.Examples)
		if err != nil {
			return nil, err
		}
		if o.Rows > 0 && len(exs) > o.Rows {
			exs = exs[:o.Rows]
		}
		if t.Instruction == "" {
			t.Instruction = o.Instruction
		}
		rows, _, err := e.encode(exs, t.Instruction, o.Truncate)
		if err != nil {
			return nil, err
		}
		if row != nil {
			for i := range rows {
				rows[i].Task = row(t.Name)
			}
		}
		sets = append(sets, rows)
	}
	return sets, nil
}

// skillsAdapter routes a training task, known by its name, by its own row, and
// others by the even mixture, where inv ships training rows; else rows by their
// task_id.
func skillsAdapter(inv *skill.Inventory) Adapter {
	if inv.TaskRows == nil || inv.Manifest == nil {
		return routedAdapter("routed", inv)
	}
	all := *inv.Trained()
	even, qs := all.Tasks, all.Splits*all.Skills
	rows := map[string][]float32{}
	for site, z := range all.Logits {
		rows[site] = append(z[:len(z):len(z)], make([]float32, qs)...)
	}
	all.Logits, all.Tasks = rows, even+1
	return Adapter{Name: "routed", route: route.NewPoly(&all), tasks: all.Tasks, row: func(task string) int {
		if own, ok := inv.Manifest.RowOf(task); ok {
			return own
		}
		return even
	}}
}
