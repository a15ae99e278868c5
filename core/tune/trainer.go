package tune

import (
	"context"
	"math"
	"time"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/tensor"
)

// Row is an encoded example with its task.
type Row struct {
	IDs, Labels []int32 // as long as each other; labels −100 where there is no loss, not shifted
	Source      []int32 // an encoder-decoder's input; IDs and Labels are then its decoder's
	Task        int
	Others      []Row // the same with each wrong answer that it could have, for LossTFew
}

// Tokens is what a row costs: with others, what they share stands once.
func (r Row) Tokens() int { return weight(append([]Row{r}, r.Others...)) }

func (r Row) seq(slot int32) model.Seq {
	return model.Seq{IDs: r.IDs, Labels: r.Labels, Slot: slot, Source: r.Source}
}

// Labelled tells whether the row has a label that counts: any but the first
// token's, which nothing predicts.
func (r Row) Labelled() bool {
	for i, y := range r.Labels {
		if i > 0 && y >= 0 {
			return true
		}
	}
	return false
}

// Trainer runs a method on batches of rows. It holds one compiled program,
// large enough for the largest batch.
type Trainer struct {
	d       device.Device
	m       model.Model
	method  *Method
	optim   Optim
	rows    []Row
	batches [][]int
	lg      *lossGraph
	goal    objective
	prog    device.Program
	update  *update // where a step is computed in parts; nil: prog changes what is trained
	norm    *graph.Node
	hyper   [2]*graph.Node
	states  []state
	store   graph.Store
	most    int // tokens of a part; 0: a step has one
	largest int // parts of a step at most
	step    int // steps done
}

// Step is what one optimiser step reports; Loss is that of the batch before the
// update, in nats.
type Step struct {
	Step               int // from 1
	Loss, LR, GradNorm float64
	Duration           time.Duration
}

// NewTrainer plans and compiles; above the device's budget of memory, with
// activations computed twice, and then with batches in parts. batches are
// indices into rows, one batch a step; Optim.Steps of them.
func NewTrainer(ctx context.Context, d device.Device, m model.Model, method *Method, rows []Row, batches [][]int, o Optim) (t *Trainer, err error) {
	defer fault.Recover("adapt", &err)
	t = &Trainer{d: d, m: m, method: method, optim: o, rows: rows, batches: batches}
	err = t.fit(func() error {
		return storing(func(s graph.Store) error {
			t.store = s
			return t.compile(ctx)
		})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// compile builds the program of a step, keeping for its way back what t.store
// says.
func (t *Trainer) compile(ctx context.Context) error {
	if err := t.plan(true); err != nil {
		return err
	}
	var wrt []*tensor.Var
	for _, p := range t.method.Trained {
		wrt = append(wrt, p.Var)
	}
	grads, err := graph.Grad(t.goal.loss(), t.store, wrt...)
	if err != nil {
		return err
	}
	if t.most > 0 {
		return t.compileParts(ctx, grads)
	}
	var updates []*graph.Node
	t.norm, t.hyper, updates = t.updates(t.lg.g, grads)
	t.prog, err = t.d.Compile(ctx, append(updates, t.goal.loss(), t.norm)...)
	return err
}

// plan builds the graph of the loss, large enough for all parts of batches; grad
// tells whether its gradients will be asked for.
func (t *Trainer) plan(grad bool) error {
	o := t.optim
	s := shape{shared: o.Loss == LossTFew && !t.m.Config().Encodes()}
	if o.Loss == LossNI {
		s.smooth = niSmooth
	}
	most, size := 0, 0 // answers of a row, rows of a part
	t.largest = 1
	for k := range t.batches {
		parts, err := t.parts(k)
		if err != nil {
			return err
		}
		if parts[0].whole.labels == 0 {
			return fault.Inputf("adapt", "batch %d has no label to learn from", k+1).Next("take a larger batch, or leave out rows without labels")
		}
		t.largest = max(t.largest, len(parts))
		for _, b := range parts {
			s, size = s.cover(sized(b.Ragged, len(b.task))), max(size, b.examples)
			for _, n := range b.answers {
				most = max(most, n)
			}
		}
	}
	t.lg = newLossGraph(t.m, t.method.Adapter, s, grad, t.d.Info().MaxBinding)
	switch o.Loss {
	case LossTFew:
		t.goal = newTFew(t.lg, size, most)
	case LossNI:
		t.goal = newWeighted(t.lg, overRows)
	default:
		t.goal = newWeighted(t.lg, meanOfLabels)
	}
	return nil
}

// pack lays out rows, each behind its own prompt or, for LossTFew, all answers of
// a row behind one, or before one source. A task has one slot; where routes are
// sampled each example has one, for a sample of its own.
func (t *Trainer) pack(rows []int) (*batch, error) {
	b := &batch{examples: len(rows), sampled: t.method.noise != nil}
	var groups [][]model.Seq
	var common []int
	for _, i := range rows {
		row := t.rows[i]
		r, err := t.method.Row(row.Task)
		if err != nil {
			return nil, err
		}
		s := b.slot(r)
		answers := []Row{row}
		if t.optim.Loss == LossTFew {
			if answers = append(answers, row.Others...); len(answers) < 2 {
				return nil, fault.Inputf("adapt", "row %d has no wrong answer to tell apart", i+1).Next("give options, or take loss lm")
			}
			b.answers, common = append(b.answers, len(answers)), append(common, shared(answers))
		}
		var group []model.Seq
		for _, a := range answers {
			group = append(group, a.seq(s))
		}
		groups = append(groups, group)
	}
	b.Ragged = lay(t.m, groups, common)
	return b, nil
}

// Done reports whether all steps have run.
func (t *Trainer) Done() bool { return t.step >= len(t.batches) }

// At is the number of steps that have run.
func (t *Trainer) At() int { return t.step }

// Tokens is the size of the largest batch, or part of one, after bucketing.
func (t *Trainer) Tokens() int { return t.lg.tokens + t.lg.source }

// Store is what of the way forward is kept for the way back.
func (t *Trainer) Store() graph.Store { return t.store }

// Step runs the next batch. A loss that is not finite is an Input fault that
// names the op it first came from; the variables stay at the last finite step.
func (t *Trainer) Step(ctx context.Context) (Step, error) {
	k, start := t.step, time.Now()
	parts, err := t.parts(k)
	if err != nil {
		return Step{}, err
	}
	loss, norm, err := t.run(ctx, k, parts)
	if err != nil {
		return Step{}, err
	}
	lr := t.optim.LR
	if t.method.Name == "z" {
		lr = t.optim.RouterLR
	}
	s := Step{Step: k + 1, Loss: loss, LR: lr * t.optim.Factor(k), GradNorm: norm, Duration: time.Since(start)}
	if !finite(s.Loss) || !finite(s.GradNorm) {
		return s, t.notFinite(ctx, s, lr)
	}
	t.step++
	return s, nil
}

// run computes step k: its loss, and the norm of its gradient.
func (t *Trainer) run(ctx context.Context, k int, parts []*batch) (loss, norm float64, err error) {
	if t.update != nil {
		return t.accumulate(ctx, k, parts)
	}
	if err := t.write(t.prog, parts[0], k); err != nil {
		return 0, 0, err
	}
	if err := t.writeHyper(t.prog, k); err != nil {
		return 0, 0, err
	}
	if err := t.prog.Run(ctx); err != nil {
		return 0, 0, err
	}
	if loss, err = readOne(ctx, t.prog, t.goal.loss()); err != nil {
		return 0, 0, err
	}
	norm, err = readOne(ctx, t.prog, t.norm)
	return loss, norm, err
}

// write sets the inputs of the loss for a part of step k.
func (t *Trainer) write(p device.Program, b *batch, k int) error {
	if err := t.goal.write(p, b); err != nil {
		return err
	}
	if err := t.lg.write(p, b.Ragged, b.task); err != nil {
		return err
	}
	if n := t.lg.noise; n != nil {
		return p.Write(n, tensor.F32Bytes(t.method.noise.draw(k, b.first, t.lg.slots, n.Shape)))
	}
	return nil
}

// writeHyper sets the optimiser's inputs for step k.
func (t *Trainer) writeHyper(p device.Program, k int) error {
	for i, h := range t.hyper {
		if h != nil {
			if err := p.Write(h, tensor.F32Bytes(t.optim.hyper(k, i == 1))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close frees the program and the optimiser's state, not the method's variables.
func (t *Trainer) Close() error {
	for _, s := range t.states {
		t.d.Free(s.averages...)
	}
	if t.update != nil {
		t.update.prog.Close()
	}
	return t.prog.Close()
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
