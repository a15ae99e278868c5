package tune

import (
	"context"
	"fmt"
	"math"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/route"
	"handful/core/tensor"
)

// Alignment tells how far the gradients of tasks point the same way. With g_t
// the gradient of the mean loss over task t's label tokens with respect to all
// A and B of an adapter (routers excluded), flattened together:
//
//	Cosine[t][u] = g_t·g_u/(‖g_t‖‖g_u‖),  Mean = mean of it over pairs t ≠ u
//
// The paper reports that MHR's gradients are aligned between training tasks and
// published no code for it: this definition is ours (METHOD A4). A task whose
// gradient is zero has cosine 0 with all.
type Alignment struct {
	Loss, Norm []float64 // by task: nats per label token, ‖g_t‖
	Cosine     [][]float64
	Mean       float64
	Parameters int // elements of g_t
}

// Align computes the gradients of several tasks' rows under ad. tasks is the
// number of router rows that rows may name (1: their Task is ignored). Each
// task's gradient is kept until all are known: 4 bytes a parameter and task.
// on, which may be nil, hears after each task how many are done.
func Align(ctx context.Context, d device.Device, m model.Model, ad route.Adapter, tasks int, sets [][]Row, on func(done int)) (_ *Alignment, err error) {
	defer fault.Recover("align", &err)
	if len(sets) < 2 {
		return nil, fault.Inputf("align", "%d task, want two or more to compare", len(sets))
	}
	out := &Alignment{}
	var all [][]float32
	err = skillGradients(ctx, d, m, ad, tasks, sets, func(t int, loss, norm float64, g []float32) {
		all, out.Loss, out.Norm = append(all, g), append(out.Loss, loss), append(out.Norm, norm)
		if on != nil {
			on(t + 1)
		}
	})
	if err != nil {
		return nil, err
	}
	out.Parameters = len(all[0])
	out.compare(all)
	return out, nil
}

// skillGradients gives each set's mean loss, its gradient g_t and ‖g_t‖.
func skillGradients(ctx context.Context, d device.Device, m model.Model, ad route.Adapter, tasks int, sets [][]Row, each func(t int, loss, norm float64, g []float32)) error {
	var wrt []*tensor.Var
	for _, p := range ad.Params() {
		if !p.Logits {
			wrt = append(wrt, p.Var)
		}
	}
	return gradients(ctx, d, m, ad, tasks, wrt, sets, func(t int, loss float64, g []float32) error {
		norm := math.Sqrt(dot(g, g))
		if !finite(norm) {
			return fault.Inputf("align", "task %d: its gradient is not finite", t+1)
		}
		each(t, loss, norm, g)
		return nil
	})
}

// compare fills Cosine and Mean.
func (a *Alignment) compare(g [][]float32) {
	pairs := 0.0
	for t := range g {
		a.Cosine = append(a.Cosine, make([]float64, len(g)))
		for u := range g {
			if u < t {
				a.Cosine[t][u] = a.Cosine[u][t]
			} else if both := a.Norm[t] * a.Norm[u]; both > 0 {
				a.Cosine[t][u] = dot(g[t], g[u]) / both
			}
			if u != t {
				a.Mean += a.Cosine[t][u]
				pairs++
			}
		}
	}
	a.Mean /= pairs
}

// gradients gives, for each set of rows, its mean loss over label tokens under
// ad and that loss's gradient with respect to wrt, end to end.
func gradients(ctx context.Context, d device.Device, m model.Model, ad route.Adapter, tasks int, wrt []*tensor.Var, sets [][]Row, each func(set int, loss float64, g []float32) error) error {
	var batches [][]*batch
	var lg *lossGraph
	var goal objective
	var grads []*graph.Node
	var prog device.Program
	compile := func(s shape) error {
		return storing(func(store graph.Store) (err error) {
			lg = newLossGraph(m, ad, s, true, d.Info().MaxBinding)
			goal = newWeighted(lg, meanOfLabels)
			if grads, err = graph.Grad(goal.loss(), store, wrt...); err == nil {
				prog, err = d.Compile(ctx, append(grads, goal.loss())...)
			}
			return err
		})
	}
	for most := batchTokens; ; most /= 2 {
		b, s, err := laySets(m, sets, tasks, most)
		if err != nil {
			return err
		}
		if err = compile(s); err == nil {
			batches = b
			break
		}
		if !fault.Is(err, fault.Memory) || most == 1 {
			return err
		}
	}
	defer prog.Close()
	for t := range sets {
		loss, g := 0.0, []float32(nil)
		for _, b := range batches[t] {
			var err error
			if err = goal.write(prog, b); err != nil {
				return err
			}
			if err = lg.write(prog, b.Ragged, b.task); err != nil {
				return err
			}
			if loss, g, err = runPart(ctx, prog, goal.loss(), grads, loss, g); err != nil {
				return err
			}
		}
		if err := each(t, loss, g); err != nil {
			return err
		}
	}
	return nil
}

// laySets lays out sets of rows in batches of about so many tokens, those of a
// set together; s holds any of them.
func laySets(m model.Model, sets [][]Row, tasks, most int) (batches [][]*batch, s shape, err error) {
	batches = make([][]*batch, len(sets))
	for t, rows := range sets {
		for at := 0; at < len(rows); {
			b, end, err := packTokens(m, rows, at, tasks, most)
			if err != nil {
				return nil, s, fault.Inputf("gradient", "task %d, %w", t+1, err)
			}
			s = s.cover(sized(b.Ragged, len(b.task)))
			batches[t], at = append(batches[t], b), end
		}
		together(batches[t]...)
		if len(rows) == 0 || batches[t][0].whole.labels == 0 {
			return nil, s, fault.Inputf("gradient", "task %d has no label", t+1).Next("give rows with an output")
		}
	}
	return batches, s, nil
}

// packTokens lays out rows from at on, about so many tokens of them; end is the
// first that is left.
func packTokens(m model.Model, rows []Row, at, tasks, most int) (b *batch, end int, err error) {
	b = &batch{}
	var groups [][]model.Seq
	for tokens := 0; at < len(rows) && (tokens == 0 || tokens+rows[at].Tokens() <= most); at++ {
		r := rows[at]
		row := int32(0)
		if tasks > 1 {
			if r.Task < 0 || r.Task >= tasks {
				return nil, 0, fmt.Errorf("row %d: task_id %d, want 0 to %d", at+1, r.Task, tasks-1)
			}
			row = int32(r.Task)
		}
		groups = append(groups, []model.Seq{r.seq(b.slot(row))})
		tokens += r.Tokens()
	}
	b.Ragged, b.examples = lay(m, groups, nil), len(groups)
	return b, at, nil
}

// runPart adds a run's loss to total, and its gradients, end to end, to sum; nil
// is zero.
func runPart(ctx context.Context, p device.Program, loss *graph.Node, grads []*graph.Node, total float64, sum []float32) (float64, []float32, error) {
	if err := p.Run(ctx); err != nil {
		return 0, nil, err
	}
	part, err := readOne(ctx, p, loss)
	if err != nil {
		return 0, nil, err
	}
	if sum == nil {
		n := 0
		for _, g := range grads {
			n += g.Numel()
		}
		sum = make([]float32, n)
	}
	rest := sum
	for _, g := range grads {
		v, err := readF32(ctx, p, g)
		if err != nil {
			return 0, nil, err
		}
		for i, x := range v {
			rest[i] += x
		}
		rest = rest[len(v):]
	}
	return total + part, sum, nil
}

// dot is the scalar product, summed in float64.
func dot(a, b []float32) (s float64) {
	for i, x := range a {
		s += float64(x) * float64(b[i])
	}
	return s
}
