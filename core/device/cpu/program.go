package cpu

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

type program struct {
	plan   *graph.Plan
	values map[*graph.Node]*buf
	steps  []func()
	stats  device.Stats
}

// Compile lays out slots and turns each step into a closure over its storage.
func (d *Device) Compile(ctx context.Context, outs ...*graph.Node) (_ device.Program, err error) {
	defer fault.Recover("cpu", &err)
	plan, err := graph.NewPlan(outs...)
	if err != nil {
		return nil, err
	}
	if m := d.info.Memory; m > 0 && int64(plan.Bytes()) > m {
		return nil, fault.New(fault.Memory, "cpu", "a step needs %d MB, the budget is %d MB", plan.Bytes()>>20, m>>20).
			Next("take a smaller batch or shorter rows, or raise --memory")
	}
	p := &program{plan: plan, values: map[*graph.Node]*buf{}}
	slots := make([][]float32, len(plan.Slots))
	for i, n := range plan.Slots {
		slots[i] = make([]float32, n/4)
	}
	for _, n := range plan.Inputs {
		b := &buf{dt: n.DType, shape: n.Shape}
		if n.DType == tensor.I32 {
			b.i = make([]int32, n.Numel())
		} else {
			b.f = make([]float32, n.Numel())
		}
		p.values[n] = b
		p.stats.Inputs += int64(n.Bytes())
	}
	for _, n := range plan.Fills {
		b := &buf{shape: n.Shape, f: make([]float32, n.Numel())}
		for i := range b.f {
			b.f[i] = n.Attr.(float32)
		}
		p.values[n] = b
	}
	for _, n := range plan.Steps {
		if err := ctx.Err(); err != nil {
			return nil, fault.From("cpu", err)
		}
		if err := d.step(p, n, slots); err != nil {
			return nil, err
		}
	}
	p.stats.Dispatches, p.stats.Arena = len(p.steps), int64(plan.Bytes())
	return p, nil
}

func (d *Device) step(p *program, n *graph.Node, slots [][]float32) (err error) {
	in := make([]*buf, len(n.In))
	for i, m := range n.In {
		if m.Kind == graph.KindVar {
			if in[i], err = d.value(m.Var); err != nil {
				return err
			}
			continue
		}
		in[i] = p.values[m]
	}
	out := &buf{shape: n.Shape}
	if n.Effect() {
		if out, err = d.value(n.Var); err != nil {
			return err
		}
	} else {
		out.f = slots[p.plan.Slot(n)][:n.Numel()]
	}
	k := d.table[n.Kind]
	if k == nil {
		return fault.New(fault.Bug, "cpu", "no kernel for %s", n)
	}
	p.values[n] = out
	p.steps = append(p.steps, k(d, n, in, out))
	return nil
}

func (p *program) Write(in *graph.Node, data []byte) error {
	b := p.values[in]
	if b == nil {
		return nil
	}
	dst := tensor.F32Bytes(b.f)
	if b.dt == tensor.I32 {
		dst = tensor.I32Bytes(b.i)
	}
	if in.Kind != graph.KindInput || len(data) != len(dst) {
		return fault.New(fault.Bug, "cpu.Write", "%d bytes for %s, want %d", len(data), in, len(dst))
	}
	copy(dst, data)
	return nil
}

// Run executes every step; cancelling stops between two of them.
func (p *program) Run(ctx context.Context) error {
	for _, f := range p.steps {
		if err := ctx.Err(); err != nil {
			return fault.From("run", err)
		}
		f()
		breathe()
	}
	return nil
}

func (p *program) Read(_ context.Context, out *graph.Node, dst []byte) error {
	n := p.plan.Resolve(out)
	b := p.values[n]
	if b == nil || b.f == nil || len(dst) != 4*len(b.f) {
		return fault.New(fault.Bug, "cpu.Read", "%d bytes for %s", len(dst), out)
	}
	copy(dst, tensor.F32Bytes(b.f))
	return nil
}

func (p *program) Stats() device.Stats { return p.stats }

func (p *program) Close() error { *p = program{stats: p.stats}; return nil }
