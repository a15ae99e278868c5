package cpu

import (
	"context"
	"runtime"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

type program struct {
	plan   *graph.Plan
	values map[*graph.Node]*buf // by planned node
	outs   map[*graph.Node]*buf // by the node that Compile was asked for
	steps  []func()
	stats  device.Stats
}

// much is what a program must take for memory that is free to be looked for
// before and after it: a page never gives back what it once took.
const much = 16 << 20

// Compile lays out slots and turns each step into a closure over its storage.
func (d *Device) Compile(ctx context.Context, outs ...*graph.Node) (_ device.Program, err error) {
	defer fault.Recover("cpu", &err)
	plan, err := graph.NewPlan(outs...)
	if err != nil {
		return nil, err
	}
	if m := d.info.Memory; m > 0 && int64(plan.Bytes()) > m {
		return nil, device.Over("cpu", int64(plan.Bytes()), m)
	}
	if plan.Bytes() > much {
		runtime.GC()
	}
	p := &program{plan: plan, values: map[*graph.Node]*buf{}, outs: map[*graph.Node]*buf{}}
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
	for _, o := range outs {
		n := plan.Resolve(o)
		if n.Kind != graph.KindVar {
			p.outs[o] = p.values[n]
		} else if p.outs[o], err = d.value(n.Var); err != nil {
			return nil, err
		}
	}
	d.spare = nil
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
		if n.Var.Frozen {
			return fault.New(fault.Bug, "cpu", "%s writes %s, which is frozen", n, n.Var)
		}
		if out, err = d.value(n.Var); err != nil {
			return err
		}
		d.own(out)
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
	if in.Kind != graph.KindInput || len(data) != in.Bytes() {
		return fault.New(fault.Bug, "cpu.Write", "%d bytes for %s, want %d of an input", len(data), in, in.Bytes())
	}
	if b := p.values[in]; b != nil {
		copy(b.bytes(), data)
	}
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

// Read copies an output that Compile was asked for: other values may be gone.
func (p *program) Read(_ context.Context, out *graph.Node, dst []byte) error {
	b := p.outs[out]
	if b == nil {
		return fault.New(fault.Bug, "cpu.Read", "%s is no output of this program", out)
	}
	if src := b.bytes(); len(dst) != len(src) {
		return fault.New(fault.Bug, "cpu.Read", "%d bytes for %s, want %d", len(dst), out, len(src))
	}
	copy(dst, b.bytes())
	return nil
}

func (p *program) Stats() device.Stats { return p.stats }

func (p *program) Close() error {
	held := p.plan != nil && p.stats.Arena > much
	*p = program{stats: p.stats}
	if held {
		runtime.GC()
	}
	return nil
}
