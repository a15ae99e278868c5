package tune

import (
	"context"
	"math"
	"testing"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tensor"
)

// Slopes is slopes of the training tasks.
func Slopes(d device.Device, m model.Model, inv *skill.Inventory, examples []Row) ([]float64, error) {
	return slopes(context.Background(), d, m, inv.Trained(), examples)
}

// SketchOf is the sketch of a gradient.
func SketchOf(g []float32) []float32 { return sketch(g, math.Sqrt(dot(g, g))) }

// Storing runs f with trainers that keep what s says.
func Storing(s graph.Store, f func()) {
	were := stores
	defer func() { stores = were }()
	stores = []graph.Store{s}
	f()
}

// Update compiles one tensor's update by a gradient that is given: run does
// step k, from 0. The averages are the optimiser's.
func (o Optim) Update(tb testing.TB, d device.Device, p *tensor.Var) (run func(k int, grad []float32) error, averages []*tensor.Var) {
	ctx := context.Background()
	t := &Trainer{method: &Method{Trained: []route.Param{{Var: p}}}, optim: o}
	g := graph.New()
	in := g.Input("g", tensor.F32, p.Shape...)
	_, hyper, steps := t.updates(g, []*graph.Node{in})
	prog, err := d.Compile(ctx, steps...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		prog.Close()
		d.Free(t.states[0].vars()...)
	})
	return func(k int, grad []float32) error {
		if err := prog.Write(hyper[0], tensor.F32Bytes(o.hyper(k, false))); err != nil {
			return err
		}
		if err := prog.Write(in, tensor.F32Bytes(grad)); err != nil {
			return err
		}
		return prog.Run(ctx)
	}, t.states[0].averages
}

// LossParts are what a trainer's loss is made of on its first batch, and its
// gradient with respect to each trained variable.
type LossParts struct {
	Loss, LM, MC, UL float32
	Grads            map[string][]float32 // by variable
}

// FirstLoss computes the parts; LM, MC and UL are LossTFew's.
func FirstLoss(ctx context.Context, d device.Device, m model.Model, method *Method, rows []Row, batch []int, loss string) (*LossParts, error) {
	t, err := NewTrainer(ctx, d, m, method, rows, [][]int{batch}, Optim{Loss: loss, Steps: 1})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var wrt []*tensor.Var
	for _, p := range method.Trained {
		wrt = append(wrt, p.Var)
	}
	grads, err := graph.Grad(t.goal.loss(), graph.StoreAll, wrt...)
	if err != nil {
		return nil, err
	}
	out := &LossParts{Grads: map[string][]float32{}}
	outs := append([]*graph.Node{t.goal.loss()}, grads...)
	parts := map[*graph.Node]*float32{t.goal.loss(): &out.Loss}
	if f, ok := t.goal.(*tfew); ok {
		parts[f.lm], parts[f.mc], parts[f.ul] = &out.LM, &out.MC, &out.UL
		outs = append(outs, f.lm, f.mc, f.ul)
	}
	prog, err := d.Compile(ctx, outs...)
	if err != nil {
		return nil, err
	}
	defer prog.Close()
	b, err := t.parts(0)
	if err != nil {
		return nil, err
	}
	if err := t.write(prog, b[0], 0); err != nil {
		return nil, err
	}
	if err := prog.Run(ctx); err != nil {
		return nil, err
	}
	for n, to := range parts {
		v, err := readF32(ctx, prog, n)
		if err != nil {
			return nil, err
		}
		*to = v[0]
	}
	for i, v := range wrt {
		if out.Grads[v.Name], err = readF32(ctx, prog, grads[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
