package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gogpu/wgpu"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// longestSubmit is how long one submit may take on a slow adapter: longer ones
// freeze the page, or the system's watchdog resets the GPU.
const longestSubmit = 200 * time.Millisecond

// maxGroups is WebGPU's limit of workgroups in one dimension.
const maxGroups = 65535

type program struct {
	d       *Device
	plan    *graph.Plan
	values  map[*graph.Node]*value
	owned   []*wgpu.Buffer
	vars    map[*value]bool // variables that bind groups hold
	groups  []*wgpu.BindGroup
	list    []dispatch
	params  []byte
	uniform *wgpu.Buffer
	staging *wgpu.Buffer
	writes  map[*graph.Node]int // bytes of each input
	pending []prepared          // dispatches that wait for the uniform buffer
	splits  int                 // submits of a run
	scalars []*graph.Node       // outputs of one number: read all at once, as each wait is dear
	seen    []byte              // their values; empty when a run has changed them
	stats   device.Stats
}

// scalar is one number's bytes.
const scalar = 4

type dispatch struct {
	pipe    *wgpu.ComputePipeline
	group   *wgpu.BindGroup
	x, y, z uint32
}

// prepared is a dispatch before its bind group exists.
type prepared struct {
	p       *pipeline
	buffers []*wgpu.Buffer // by binding; nil: not there
	param   int            // offset of its parameters
	size    int
	uniform int // binding of the parameters
	x, y, z uint32
}

// align is WebGPU's alignment of uniform offsets.
const align = 256

// Compile makes buffers, pipelines and bind groups of all steps.
func (d *Device) Compile(ctx context.Context, outs ...*graph.Node) (_ device.Program, err error) {
	defer fault.Recover("gpu", &err)
	plan, err := graph.NewPlan(outs...)
	if err != nil {
		return nil, err
	}
	if m := d.info.Memory; m > 0 && int64(plan.Bytes()) > m {
		return nil, device.Over("gpu", int64(plan.Bytes()), m)
	}
	p := &program{d: d, plan: plan, values: map[*graph.Node]*value{}, vars: map[*value]bool{}, writes: map[*graph.Node]int{}, splits: 1}
	if err := p.build(ctx, outs); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *program) build(ctx context.Context, outs []*graph.Node) error {
	d := p.d
	slots := make([]*wgpu.Buffer, len(p.plan.Slots))
	largest := make([]*graph.Node, len(slots)) // what a fault should name
	for _, n := range p.plan.Steps {
		if i := p.plan.Slot(n); i >= 0 && (largest[i] == nil || n.Bytes() > largest[i].Bytes()) {
			largest[i] = n
		}
	}
	for i, n := range p.plan.Slots {
		b, err := p.own(largest[i].String(), n)
		if err != nil {
			return err
		}
		slots[i] = b
	}
	for _, n := range append(append([]*graph.Node(nil), p.plan.Inputs...), p.plan.Fills...) {
		b, err := p.own(n.Name, n.Bytes())
		if err != nil {
			return err
		}
		p.values[n] = single(n, b)
		if n.Kind == graph.KindInput {
			p.writes[n] = n.Bytes()
			p.stats.Inputs += int64(n.Bytes())
			continue
		}
		fill := make([]float32, n.Numel())
		for i := range fill {
			fill[i] = n.Attr.(float32)
		}
		if err := d.writeBuffer(b, 0, tensor.F32Bytes(fill)); err != nil {
			return d.fail("write", err)
		}
	}
	for _, n := range p.plan.Steps {
		if err := ctx.Err(); err != nil {
			return fault.From("gpu", err)
		}
		in := make([]*value, len(n.In))
		for i, m := range n.In {
			v := p.values[m]
			if m.Kind == graph.KindVar {
				var err error
				if v, err = d.load(ctx, m.Var); err != nil {
					return err
				}
				if !p.vars[v] {
					p.vars[v] = true
					v.users++
				}
				p.values[m] = v
			}
			in[i] = v
		}
		out := in[0] // effects write their variable
		if !n.Effect() {
			out = single(n, slots[p.plan.Slot(n)])
		}
		p.values[n] = out
		if err := p.emit(ctx, n, in, out); err != nil {
			return err
		}
	}
	most := 16
	for _, o := range outs {
		if most = max(most, o.Bytes()); o.Kind == graph.KindVar && p.values[o] == nil {
			var err error
			if p.values[o], err = d.load(ctx, o.Var); err != nil {
				return err
			}
		}
	}
	for _, o := range outs {
		n := p.plan.Resolve(o)
		if n.Kind != graph.KindVar && !n.Effect() && n.Bytes() == scalar && !slices.Contains(p.scalars, n) {
			p.scalars = append(p.scalars, n)
		}
	}
	var err error
	if p.staging, err = d.buffer("readback", max(most, scalar*len(p.scalars)), wgpu.BufferUsageCopyDst|wgpu.BufferUsageMapRead); err != nil {
		return err
	}
	return p.bind()
}

func single(n *graph.Node, b *wgpu.Buffer) *value {
	return &value{dt: n.DType, shape: n.Shape, pieces: []piece{{b, 0, n.Shape[0]}}}
}

func (p *program) own(what string, n int) (*wgpu.Buffer, error) {
	b, err := p.d.buffer(what, n, storage)
	if err == nil {
		p.owned = append(p.owned, b)
		p.stats.Arena += int64(n)
	}
	return b, err
}

// add queues a dispatch of n threads in workgroups of per, folded into rows
// where they are too many for one dimension. Parameters are uint32 or float32.
func (p *program) add(pl *pipeline, n, per int, params []any, buffers ...*wgpu.Buffer) {
	groups := max(1, (n+per-1)/per)
	x := min(groups, maxGroups)
	p.addGrid(pl, uint32(x), uint32((groups+x-1)/x), params, buffers...)
}

// addGrid queues a dispatch of x × y workgroups.
func (p *program) addGrid(pl *pipeline, x, y uint32, params []any, buffers ...*wgpu.Buffer) {
	for len(p.params)%align != 0 {
		p.params = append(p.params, 0)
	}
	at := len(p.params)
	for _, v := range params {
		switch v := v.(type) {
		case int:
			p.params = binary.LittleEndian.AppendUint32(p.params, uint32(v))
		case float32:
			p.params = binary.LittleEndian.AppendUint32(p.params, math.Float32bits(v))
		default:
			panic(fmt.Sprintf("gpu: parameter %v", v))
		}
	}
	for len(p.params)%16 != 0 {
		p.params = append(p.params, 0)
	}
	p.pending = append(p.pending, prepared{pl, buffers, at, len(p.params) - at, len(buffers), x, y, 1})
}

// bind uploads all parameters in one buffer and makes the bind groups. Equal
// dispatches share one.
func (p *program) bind() error {
	d := p.d
	var err error
	if p.uniform, err = d.buffer("parameters", len(p.params), wgpu.BufferUsageUniform|wgpu.BufferUsageCopyDst); err != nil {
		return err
	}
	if err := d.writeBuffer(p.uniform, 0, p.params); err != nil {
		return d.fail("write", err)
	}
	for _, q := range p.pending {
		var entries []wgpu.BindGroupEntry
		for i, b := range q.buffers {
			if b != nil {
				entries = append(entries, wgpu.BindGroupEntry{Binding: uint32(i), Buffer: b, Size: b.Size()})
			}
		}
		entries = append(entries, wgpu.BindGroupEntry{Binding: uint32(q.uniform), Buffer: p.uniform, Offset: uint64(q.param), Size: uint64(q.size)})
		g, err := d.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{Label: q.p.name, Layout: q.p.layout, Entries: entries})
		if err != nil {
			return fault.New(fault.Bug, "gpu", "bind group of %s: %v", q.p.name, err)
		}
		p.groups = append(p.groups, g)
		d.live.BindGroups++
		d.live.Made++
		p.list = append(p.list, dispatch{q.p.pipe, g, q.x, q.y, q.z})
	}
	p.pending, p.params = nil, nil
	p.stats.Dispatches = len(p.list)
	return nil
}

func (p *program) Write(in *graph.Node, data []byte) error {
	n, ok := p.writes[in]
	if !ok {
		if in.Kind == graph.KindInput {
			return nil
		}
		return fault.New(fault.Bug, "gpu.Write", "%s is no input", in)
	}
	if len(data) != n {
		return fault.New(fault.Bug, "gpu.Write", "%d bytes for %s, want %d", len(data), in, n)
	}
	return p.d.fail("write", p.d.writeBuffer(p.values[in].pieces[0].buf, 0, data))
}

// Run replays the dispatches: one encoder, one pass, one submit; a few submits
// where an earlier run was found to take longer than Device.slice.
func (p *program) Run(ctx context.Context) error {
	per := (len(p.list) + p.splits - 1) / p.splits
	p.stats.Submits, p.seen = 0, p.seen[:0]
	for at := 0; at < len(p.list); at += per {
		if err := ctx.Err(); err != nil {
			return fault.From("run", err)
		}
		if err := p.submit(p.list[at:min(at+per, len(p.list))]); err != nil {
			return err
		}
		p.stats.Submits++
	}
	return p.d.hostError()
}

func (p *program) submit(list []dispatch) error {
	d := p.d
	e, err := d.dev.CreateCommandEncoder(nil)
	if err != nil {
		return d.fail("run", err)
	}
	pass, err := e.BeginComputePass(nil)
	if err != nil {
		return d.fail("run", err)
	}
	for i := range list {
		q := &list[i]
		pass.SetPipeline(q.pipe)
		pass.SetBindGroup(0, q.group, nil)
		pass.Dispatch(q.x, q.y, q.z)
	}
	if err := pass.End(); err != nil {
		return d.fail("run", err)
	}
	cb, err := e.Finish()
	if err != nil {
		return d.fail("run", err)
	}
	_, err = d.queue.Submit(cb)
	return d.fail("run", err)
}

func (p *program) Read(ctx context.Context, out *graph.Node, dst []byte) error {
	n := p.plan.Resolve(out)
	v := p.values[n]
	if v == nil || len(v.pieces) != 1 || len(dst) != n.Bytes() {
		return fault.New(fault.Bug, "gpu.Read", "%d bytes for %s", len(dst), out)
	}
	start := time.Now()
	if i := slices.Index(p.scalars, n); i >= 0 {
		if err := p.readScalars(ctx); err != nil {
			return err
		}
		copy(dst, p.seen[scalar*i:])
	} else if err := p.d.read(ctx, v.pieces[0].buf, p.staging, dst); err != nil {
		return err
	}
	if t := time.Since(start); t > p.d.slice*time.Duration(p.splits) && p.splits < len(p.list) {
		p.splits = min(len(p.list), int(t/p.d.slice)+1)
	}
	return p.d.hostError()
}

// readScalars reads every output of one number, once after a run.
func (p *program) readScalars(ctx context.Context) error {
	if len(p.seen) > 0 {
		return nil
	}
	bs := make([]*wgpu.Buffer, len(p.scalars))
	for i, n := range p.scalars {
		bs[i] = p.values[n].pieces[0].buf
	}
	all := make([]byte, scalar*len(bs))
	if err := p.d.readAll(ctx, bs, scalar, p.staging, all); err != nil {
		return err
	}
	p.seen = all
	return nil
}

func (p *program) Stats() device.Stats { return p.stats }

// Close releases what the program made.
func (p *program) Close() error {
	for _, g := range p.groups {
		g.Release()
		p.d.live.BindGroups--
	}
	for _, b := range append(p.owned, p.uniform, p.staging) {
		p.d.drop(b)
	}
	for v := range p.vars {
		if v.users--; v.users == 0 && v.freed {
			p.d.release(v)
		}
	}
	p.vars, p.groups, p.owned, p.uniform, p.staging, p.list = nil, nil, nil, nil, nil, nil
	return nil
}
