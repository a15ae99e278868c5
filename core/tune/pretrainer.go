package tune

import (
	"context"
	"time"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/tensor"
)

// Pretraining is what a Pretrainer trains and how.
type Pretraining struct {
	Method *Method       // MHR: skills and routers; nil: the base alone
	Base   []*tensor.Var // the base's own F32 weights, where they are trained too
	Optim
	BaseLR float64 // of Base; its decay is Optim.Decay
}

// Pretrainer runs many steps on batches that mix tasks. It differs from Trainer
// in what a long run needs: several compiled shapes, since lengths differ from
// task to task, a third learning rate for the base, and snapshots that stream.
type Pretrainer struct {
	d        device.Device
	m        model.Model
	what     Pretraining
	groups   []trained
	rows     []Row
	batches  [][]int
	shapes   []shape
	of       []int // the shape of each batch
	programs []*stepProgram
	step     int // steps done
}

// trained are variables that share a learning rate.
type trained struct {
	name  string
	optim Optim
	vars  []averaged
}

// averaged is a trained variable with Adam's running averages of it.
type averaged struct{ p, m, v *tensor.Var }

// stepProgram is a compiled step.
type stepProgram struct {
	lg    *lossGraph
	goal  objective
	prog  device.Program
	norm  *graph.Node
	hyper []*graph.Node // by group
}

// NewPretrainer plans the shapes of all batches, which are indices into rows,
// one batch a step, and compiles the largest.
func NewPretrainer(ctx context.Context, d device.Device, m model.Model, what Pretraining, rows []Row, batches [][]int) (t *Pretrainer, err error) {
	defer fault.Recover("pretrain", &err)
	t = &Pretrainer{d: d, m: m, what: what, rows: rows, batches: batches}
	t.group()
	if len(batches) == 0 || len(t.groups) == 0 {
		return nil, fault.New(fault.Bug, "pretrain", "%d batches, %d groups of variables", len(batches), len(t.groups))
	}
	sizes := make([]shape, len(batches))
	for k := range batches {
		b, err := t.pack(k)
		if err != nil {
			return nil, err
		}
		if len(b.Rows) == 0 {
			return nil, fault.Inputf("pretrain", "batch %d has no label to learn from", k+1).Next("give rows with an output")
		}
		sizes[k] = sized(b.Ragged, len(b.task))
	}
	if err := t.shape(ctx, sizes, maxShapes); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// shape plans up to most shapes and compiles the largest. Each program holds the
// values of a step: where all together would not fit the budget, one serves all.
func (t *Pretrainer) shape(ctx context.Context, sizes []shape, most int) error {
	t.shapes, t.of = planShapes(sizes, most)
	t.programs = make([]*stepProgram, len(t.shapes))
	p, err := t.program(ctx, len(t.shapes)-1)
	if err != nil {
		return err
	}
	tokens := 0
	for _, s := range t.shapes {
		tokens += s.all()
	}
	budget, arena := t.d.Info().Memory, p.prog.Stats().Arena
	if most == 1 || budget == 0 || arena*int64(tokens)/int64(p.lg.all()) <= budget {
		return nil
	}
	if err := p.prog.Close(); err != nil {
		return err
	}
	return t.shape(ctx, sizes, 1)
}

// Uniform is the task of rows that use all skills alike and train no router: a
// slot without a router row has logits of 0.
const Uniform = -1

// group sorts the trained variables by their learning rate.
func (t *Pretrainer) group() {
	w := t.what
	add := func(name string, lr, decay float64, vars []*tensor.Var) {
		if len(vars) == 0 {
			return
		}
		o := w.Optim
		o.LR, o.Decay = lr, decay
		g := trained{name: name, optim: o}
		for _, v := range vars {
			v.Trainable = true
			g.vars = append(g.vars, averaged{v, tensor.Zeros(v.Name+".m", v.Shape...), tensor.Zeros(v.Name+".v", v.Shape...)})
		}
		t.groups = append(t.groups, g)
	}
	var skills, routers []*tensor.Var
	if w.Method != nil {
		for _, p := range w.Method.Trained {
			if p.Logits {
				routers = append(routers, p.Var)
			} else {
				skills = append(skills, p.Var)
			}
		}
	}
	add("skills", w.LR, w.Decay, skills)
	add("routers", w.RouterLR, w.RouterDecay, routers)
	add("base", w.BaseLR, w.Decay, w.Base)
}

// program compiles a shape on first use.
func (t *Pretrainer) program(ctx context.Context, i int) (_ *stepProgram, err error) {
	if t.programs[i] == nil {
		err = storing(func(s graph.Store) error {
			t.programs[i], err = t.compile(ctx, i, s)
			return err
		})
	}
	return t.programs[i], err
}

// compile builds the program of a step of shape i, keeping for its way back what
// the store says.
func (t *Pretrainer) compile(ctx context.Context, i int, store graph.Store) (*stepProgram, error) {
	p := &stepProgram{}
	if t.what.Method != nil {
		p.lg = newLossGraph(t.m, t.what.Method.Adapter, t.shapes[i], true, t.d.Info().MaxBinding)
	} else {
		p.lg = newLossGraph(t.m, nil, t.shapes[i], true, t.d.Info().MaxBinding)
	}
	p.goal = newWeighted(p.lg, meanOfLabels)
	var wrt []*tensor.Var
	for _, g := range t.groups {
		for _, v := range g.vars {
			wrt = append(wrt, v.p)
		}
	}
	grads, err := graph.Grad(p.goal.loss(), store, wrt...)
	if err != nil {
		return nil, err
	}
	p.norm = graph.GlobalNorm(grads...)
	outs := []*graph.Node{p.goal.loss(), p.norm}
	for _, g := range t.groups {
		h := p.lg.g.Input("hyper."+g.name, tensor.F32, 8)
		p.hyper = append(p.hyper, h)
		for _, v := range g.vars {
			outs = append(outs, graph.AdamW(v.p, v.m, v.v, grads[0], p.norm, h))
			grads = grads[1:]
		}
	}
	if p.prog, err = t.d.Compile(ctx, outs...); err != nil {
		return nil, err
	}
	return p, nil
}

// pack lays out batch k. A task has one slot; where routes are sampled each
// example has one.
func (t *Pretrainer) pack(k int) (*batch, error) {
	b := &batch{examples: len(t.batches[k]), sampled: t.what.Method != nil && t.what.Method.noise != nil}
	var groups [][]model.Seq
	for _, i := range t.batches[k] {
		row, r := t.rows[i], int32(Uniform)
		if m := t.what.Method; m != nil && row.Task != Uniform {
			var err error
			if r, err = m.Row(row.Task); err != nil {
				return nil, err
			}
		}
		groups = append(groups, []model.Seq{row.seq(b.slot(r))})
	}
	b.Ragged = lay(t.m, groups, nil)
	together(b)
	return b, nil
}

// Trainable is the number of trained parameters.
func (t *Pretrainer) Trainable() (n int) {
	for _, g := range t.groups {
		for _, v := range g.vars {
			n += tensor.Numel(v.p.Shape)
		}
	}
	return n
}

// Shapes are the token counts of the programs that the batches run in; Stats
// the cost of a step in the largest.
func (t *Pretrainer) Shapes() (tokens []int) {
	for _, s := range t.shapes {
		tokens = append(tokens, s.all())
	}
	return tokens
}

func (t *Pretrainer) Stats() device.Stats { return t.programs[len(t.programs)-1].prog.Stats() }

// Steps is how many steps have run; Done whether these are all.
func (t *Pretrainer) Steps() int { return t.step }
func (t *Pretrainer) Done() bool { return t.step >= len(t.batches) }

// Step runs the next batch, to its end: a step that was cut off in the middle
// of its updates could not be gone on from. A loss that is not finite ends
// training with an Input fault; the variables stay at the last finite step.
func (t *Pretrainer) Step(ctx context.Context) (s Step, err error) {
	defer fault.Recover("pretrain", &err)
	ctx = context.WithoutCancel(ctx)
	k, start := t.step, time.Now()
	p, err := t.program(ctx, t.of[k])
	if err != nil {
		return s, err
	}
	b, err := t.pack(k)
	if err != nil {
		return s, err
	}
	if err := p.goal.write(p.prog, b); err != nil {
		return s, err
	}
	if err := p.lg.write(p.prog, b.Ragged, b.task); err != nil {
		return s, err
	}
	if n := p.lg.noise; n != nil {
		if err := p.prog.Write(n, tensor.F32Bytes(t.what.Method.noise.draw(k, 0, p.lg.slots, n.Shape))); err != nil {
			return s, err
		}
	}
	for i, g := range t.groups {
		if err := p.prog.Write(p.hyper[i], tensor.F32Bytes(g.optim.hyper(k, false))); err != nil {
			return s, err
		}
	}
	if err := p.prog.Run(ctx); err != nil {
		return s, err
	}
	loss, err := readOne(ctx, p.prog, p.goal.loss())
	if err != nil {
		return s, err
	}
	norm, err := readOne(ctx, p.prog, p.norm)
	if err != nil {
		return s, err
	}
	lr := t.groups[0].optim.LR
	s = Step{Step: k + 1, Loss: loss, LR: lr * t.what.Factor(k), GradNorm: norm, Duration: time.Since(start)}
	if !finite(s.Loss) || !finite(s.GradNorm) {
		return s, fault.Inputf("pretrain", "step %d: loss %v, gradient norm %v; want finite numbers", s.Step, s.Loss, s.GradNorm).
			Next("lower the learning rates (--lr is %g now), or --clip", lr)
	}
	t.step++
	return s, nil
}

// Close frees the programs and the optimiser's state, not what is trained.
func (t *Pretrainer) Close() (err error) {
	for _, g := range t.groups {
		for _, v := range g.vars {
			t.d.Free(v.m, v.v)
		}
	}
	for i, p := range t.programs {
		if p != nil {
			if e := p.prog.Close(); e != nil {
				err = e
			}
			t.programs[i] = nil
		}
	}
	return err
}
