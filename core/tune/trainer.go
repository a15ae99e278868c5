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
	Task        int
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
	method  *Method
	optim   Optim
	rows    []Row
	batches [][]int
	lg      *lossGraph
	prog    device.Program
	loss    *graph.Node
	norm    *graph.Node
	hyper   [2]*graph.Node
	moments []moments
	step    int // steps done
}

// Step is what one optimiser step reports; Loss is the mean over the batch's
// label tokens before the update, in nats.
type Step struct {
	Step               int // from 1
	Loss, LR, GradNorm float64
	Duration           time.Duration
}

// NewTrainer plans and compiles. batches are indices into rows, one batch a
// step; Optim.Steps of them.
func NewTrainer(ctx context.Context, d device.Device, m model.Model, method *Method, rows []Row, batches [][]int, o Optim) (t *Trainer, err error) {
	defer fault.Recover("adapt", &err)
	t = &Trainer{d: d, method: method, optim: o, rows: rows, batches: batches}
	var s shape
	for k := range batches {
		r, task, err := t.pack(k)
		if err != nil {
			return nil, err
		}
		if len(r.Rows) == 0 {
			return nil, fault.Inputf("adapt", "batch %d has no label to learn from", k+1).Next("take a larger batch, or leave out rows without labels")
		}
		s = shape{tokens: max(s.tokens, r.Tokens()), labels: max(s.labels, len(r.Rows)), slots: max(s.slots, len(task))}
	}
	s.tokens, s.labels = model.Bucket(s.tokens), model.Bucket(s.labels)
	t.lg = newLossGraph(m, method.Adapter, s, true, d.Info().MaxBinding)
	t.loss = t.lg.loss()
	var wrt []*tensor.Var
	for _, p := range method.Trained {
		wrt = append(wrt, p.Var)
	}
	grads, err := graph.Grad(t.loss, wrt...)
	if err != nil {
		return nil, err
	}
	var updates []*graph.Node
	t.norm, t.hyper, updates = t.updates(t.lg.g, grads)
	t.prog, err = d.Compile(ctx, append(updates, t.loss, t.norm)...)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// pack lays out batch k and lists the router row of each of its task slots.
func (t *Trainer) pack(k int) (*model.Ragged, []int32, error) {
	var seqs []model.Seq
	var task []int32
	slot := map[int32]int32{}
	for _, i := range t.batches[k] {
		row := t.rows[i]
		r, err := t.method.Row(row.Task)
		if err != nil {
			return nil, nil, err
		}
		s, ok := slot[r]
		if !ok {
			s = int32(len(task))
			slot[r] = s
			task = append(task, r)
		}
		seqs = append(seqs, model.Seq{IDs: row.IDs, Labels: row.Labels, Slot: s})
	}
	return model.Pack(seqs), task, nil
}

// Done reports whether all steps have run.
func (t *Trainer) Done() bool { return t.step >= len(t.batches) }

// Tokens is the size of the largest batch after bucketing.
func (t *Trainer) Tokens() int { return t.lg.tokens }

// Stats is the cost of a step.
func (t *Trainer) Stats() device.Stats { return t.prog.Stats() }

// Step runs the next batch. A loss that is not finite ends training with an
// Input fault; the variables stay at the last finite step.
func (t *Trainer) Step(ctx context.Context) (Step, error) {
	k, start := t.step, time.Now()
	r, task, err := t.pack(k)
	if err != nil {
		return Step{}, err
	}
	if err := t.lg.write(t.prog, r, task, true); err != nil {
		return Step{}, err
	}
	for i, h := range t.hyper {
		if h != nil {
			if err := t.prog.Write(h, tensor.F32Bytes(t.optim.hyper(k, i == 1))); err != nil {
				return Step{}, err
			}
		}
	}
	if err := t.prog.Run(ctx); err != nil {
		return Step{}, err
	}
	loss, err := readF32(ctx, t.prog, t.loss)
	if err != nil {
		return Step{}, err
	}
	norm, err := readF32(ctx, t.prog, t.norm)
	if err != nil {
		return Step{}, err
	}
	lr := t.optim.LR
	if t.method.Name == "z" {
		lr = t.optim.RouterLR
	}
	s := Step{Step: k + 1, Loss: float64(loss[0]), LR: lr * t.optim.Factor(k), GradNorm: float64(norm[0]), Duration: time.Since(start)}
	if !finite(s.Loss) || !finite(s.GradNorm) {
		return s, fault.Inputf("adapt", "step %d: loss %v, gradient norm %v; want finite numbers", s.Step, s.Loss, s.GradNorm).
			Next("lower the learning rate (now %g)", lr)
	}
	t.step++
	return s, nil
}

// Close frees the program and the optimiser's state, not the method's variables.
func (t *Trainer) Close() error {
	for _, m := range t.moments {
		t.d.Free(m.m, m.v)
	}
	return t.prog.Close()
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
