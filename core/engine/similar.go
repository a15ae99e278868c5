package engine

import (
	"cmp"
	"context"
	"slices"

	"handful/core/fault"
	"handful/core/tune"
)

// SimilarTask is a training task, and how much like it a fine-tune is.
type SimilarTask struct {
	Task   string  `json:"task"`
	Cosine float64 `json:"cosine"`
}

// Similar are the k training tasks that route most like f
// (skill.Inventory.Similar), the nearest first.
func (e *Engine) Similar(f *Fit, k int) ([]SimilarTask, error) {
	defer e.lock()()
	switch {
	case f.Routing == nil:
		return nil, fault.Inputf("similar", "method %s has no routing", f.Method).Next("take method z")
	case e.inv == nil:
		return nil, noInventory()
	}
	w := map[string][]float32{}
	for i, s := range f.Routing.Sites {
		w[s] = slices.Concat(f.Routing.W[i]...)
	}
	var out []SimilarTask
	for row, c := range e.inv.Similar(w) {
		out = append(out, SimilarTask{Task: e.inv.TaskName(row), Cosine: c})
	}
	return nearest(out, k), nil
}

// alignedRows is of how many rows Aligned takes the gradient, so that its time
// does not grow with the examples.
const alignedRows = 32

// Aligned are the k training tasks whose gradients point most like that of the
// first rows that f has learned from, the nearest first: those with respect to the A
// and B of the skills' mean, where every new task starts. There all skills have
// the same gradient, so that the cosine is that of Align's with every task
// routed evenly. The training tasks' gradients are known by the sketches that
// the inventory brings, so it is an estimate (tune.Sketches).
func (e *Engine) Aligned(ctx context.Context, f *Fit, k int) ([]SimilarTask, error) {
	defer e.lock()()
	switch {
	case e.inv == nil:
		return nil, noInventory()
	case e.inv.Sketches == nil:
		return nil, fault.Unsupportedf("similar", "the inventory has no sketches of its training tasks' gradients").Next("`handful align --sketches` makes them of the tasks' rows")
	case f.asked.Examples == "":
		return nil, fault.Inputf("similar", "the fine-tune came without the examples that it has learned from").Next("adapt again, or compare routings")
	}
	asked := f.asked
	train, _, err := e.split(&asked)
	if err != nil {
		return nil, err
	}
	rows, _, err := e.encode(train[:min(len(train), alignedRows)], f.options.Instruction, f.options.Truncate)
	if err != nil {
		return nil, err
	}
	got, err := e.sketches(ctx, [][]tune.Row{rows}, nil)
	if err != nil {
		return nil, err
	}
	var out []SimilarTask
	for t, s := range e.inv.Sketches {
		out = append(out, SimilarTask{Task: e.inv.Manifest.Tasks[t], Cosine: tune.CosineOfSketches(got[0], s)})
	}
	return nearest(out, k), nil
}

// Sketches are what an inventory keeps for Aligned, skill.Inventory.Sketches:
// those of the open inventory's training tasks. tasks brings rows of all of
// them, by name, and maybe others that are passed over. on may be nil; it hears
// after each task how many are done.
func (e *Engine) Sketches(ctx context.Context, tasks []AlignTask, o AlignOptions, on func(done int)) ([][]float32, error) {
	defer e.lock()()
	if e.inv == nil || e.inv.Manifest == nil {
		return nil, fault.Inputf("align", "no inventory with a manifest.json is open, which names its training tasks").Next("give one with --inventory")
	}
	by := map[string]AlignTask{}
	for _, t := range tasks {
		by[t.Name] = t
	}
	var own []AlignTask
	for _, name := range e.inv.Manifest.Tasks {
		t, ok := by[name]
		if !ok {
			return nil, fault.Inputf("align", "no rows of the training task %.80q", name).Next("give a file of each task that manifest.json names")
		}
		own = append(own, t)
	}
	sets, err := e.alignRows(nil, own, o)
	if err != nil {
		return nil, err
	}
	return e.sketches(ctx, sets, on)
}

// sketches are those of the gradients of tasks' rows with respect to the mean
// of the skills.
func (e *Engine) sketches(ctx context.Context, sets [][]tune.Row, on func(done int)) (_ [][]float32, err error) {
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	mean := singleAdapter("mean", e.inv.Collapse(e.inv.Uniform()))
	defer e.Free(mean)
	out, err := tune.Sketches(ctx, e.dev, e.model, mean.route, mean.tasks, sets, on)
	return out, fault.Or(err, correctTasks)
}

func noInventory() error {
	return fault.Inputf("similar", "no inventory is open").Next("open the one that the fine-tune was made with")
}

// nearest are the k tasks of the largest cosines, in falling order.
func nearest(tasks []SimilarTask, k int) []SimilarTask {
	slices.SortStableFunc(tasks, func(a, b SimilarTask) int { return cmp.Compare(b.Cosine, a.Cosine) })
	return append([]SimilarTask{}, tasks[:min(max(k, 0), len(tasks))]...)
}
