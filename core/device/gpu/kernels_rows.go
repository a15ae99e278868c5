package gpu

import (
	"context"
	"math"

	"github.com/gogpu/wgpu"

	"handful/core/graph"
	"handful/core/tensor"
	"handful/shaders"
)

// most is how far a loop over rows goes in one dispatch: some drivers (Mesa's
// CPU adapter) end a loop after 65,535 rounds, without a word.
const most = 1 << 15

// wide says whether a workgroup should share a row of n elements instead of
// each thread having its own: sooner where barriers are cheap.
func (d *Device) wide(n int) bool {
	if d.info.Family == familyTiled {
		return n >= 32
	}
	return n >= 4096
}

// rows queues a kernel that works on rows of n elements (shaders/_rows.wgsl).
func (p *program) rows(ctx context.Context, name, kinds string, v shaders.Vars, rows, n int, params []any, bs ...*wgpu.Buffer) {
	per := 64
	if p.d.wide(n) {
		w := flags("WIDE")
		for k := range v {
			w[k] = v[k]
		}
		v, per = w, 1
	}
	p.add(p.kernel(ctx, name, kinds, v), rows, per, params, bs...)
}

// rmsNorm queues rmsnorm.wgsl.
func (p *program) rmsNorm(ctx context.Context, n *graph.Node, in []*value, out *value) error {
	d := tensor.Numel(in[1].shape)
	if n.Kind == graph.KindRMSNormGradW {
		d = tensor.Numel(out.shape)
	}
	rows := tensor.Numel(in[0].shape) / d
	params := []any{rows, d, n.Attr.(graph.RMSNormAttr).Eps, most}
	switch n.Kind {
	case graph.KindRMSNorm:
		p.rows(ctx, "rmsnorm", "rr-wu", flags("ROWS", "FORWARD", "PAIR"), rows, d, params, buf(in[0]), buf(in[1]), nil, buf(out))
		return nil
	case graph.KindRMSNormGrad:
		p.rows(ctx, "rmsnorm", "rrrwu", flags("ROWS", "GRAD", "PAIR", "THREE"), rows, d, params, buf(in[0]), buf(in[1]), buf(in[2]), buf(out))
		return nil
	}
	rho, err := p.own("norm factors", 4*rows)
	if err != nil {
		return err
	}
	p.rows(ctx, "rmsnorm", "r--wu", flags("ROWS", "RHO"), rows, d, params, buf(in[0]), nil, nil, rho)
	const step = 1024
	parts, sums := (rows+step-1)/step, buf(out)
	if parts > 1 {
		if sums, err = p.own("norm parts", 4*parts*d); err != nil {
			return err
		}
	}
	params[3] = step
	p.add(p.kernel(ctx, "rmsnorm", "rrrwu", flags("COLUMNS", "PAIR", "THREE")), parts*d, 64, params, buf(in[0]), buf(in[1]), rho, sums)
	if parts > 1 {
		p.add(p.kernel(ctx, "rmsnorm", "r--wu", flags("FOLD")), d, 64, []any{parts, d, float32(0), 0}, sums, nil, nil, buf(out))
	}
	return nil
}

// reduce queues reduce.wgsl: parts of one or more tensors, then their sum.
func (p *program) reduce(ctx context.Context, n *graph.Node, in []*value, out *value) error {
	parts := 0
	count := func(v *value) int { return (tensor.Numel(v.shape) + most - 1) / most }
	tensors, kinds, of, final := in, "r-wu", flags("SQUARES"), flags("ADDUP", "ROOT")
	if n.Kind == graph.KindDot {
		tensors, kinds, of, final = in[:1], "rrwu", flags("DOT"), flags("ADDUP")
	}
	for _, v := range tensors {
		parts += count(v)
	}
	sums, err := p.own("parts of a sum", 4*parts)
	if err != nil {
		return err
	}
	at := 0
	for _, v := range tensors {
		bs := []*wgpu.Buffer{buf(v), nil, sums}
		if n.Kind == graph.KindDot {
			bs[1] = buf(in[1])
		}
		p.add(p.kernel(ctx, "reduce", kinds, of), count(v), 1, []any{tensor.Numel(v.shape), at, most}, bs...)
		at += count(v)
	}
	p.add(p.kernel(ctx, "reduce", "r-wu", final), 1, 1, []any{parts, 0, parts}, sums, nil, buf(out))
	return nil
}

// outer queues outer.wgsl over all rows; params follow the range of rows.
func (p *program) outer(ctx context.Context, v shaders.Vars, kinds string, in []*value, out *value, params []any, bs ...*wgpu.Buffer) {
	pl := p.kernel(ctx, "outer", kinds, v)
	for lo, rows := 0, in[0].shape[0]; lo < rows; lo += most {
		p.add(pl, tensor.Numel(out.shape), 64, append([]any{lo, min(lo+most, rows)}, params...), bs...)
	}
}

// scatter queues scatter.wgsl: zeros, then all rows in order.
func (p *program) scatter(ctx context.Context, n *graph.Node, in []*value, out *value) {
	rows, d, v := in[0].shape[0], cols(n.Shape), n.Shape[0]
	p.add(p.kernel(ctx, "scatter", "--wu", flags("ZERO")), v*d, 64, []any{rows, d, v, 0, 0}, nil, nil, buf(out))
	for lo := 0; lo < rows; lo += most {
		p.add(p.kernel(ctx, "scatter", "rrwu", flags("SUM", "READS")), d, 64, []any{rows, d, v, lo, min(lo+most, rows)}, buf(in[0]), buf(in[1]), buf(out))
	}
}

// scaleGrad queues scalecols.wgsl: sums over parts of the rows, then over the
// parts.
func (p *program) scaleGrad(ctx context.Context, in []*value, out *value) (err error) {
	const step = 1024
	rows, d := in[0].shape[0], in[0].shape[1]
	parts, sums := (rows+step-1)/step, buf(out)
	if parts > 1 {
		if sums, err = p.own("parts of column sums", 4*parts*d); err != nil {
			return err
		}
	}
	p.add(p.kernel(ctx, "scalecols", "rrwu", flags("COLUMNS")), parts*d, 64, []any{rows, d, step}, buf(in[0]), buf(in[1]), sums)
	if parts > 1 {
		p.add(p.kernel(ctx, "scalecols", "r-wu", flags("FOLD")), d, 64, []any{parts, d, 0}, sums, nil, buf(out))
	}
	return nil
}

// selectors are the flags of router.wgsl.
var selectors = map[graph.Selector][]string{
	graph.SelectSigmoid:         {"GATE", "NORMALISED"},
	graph.SelectShared:          {"GATE", "NORMALISED", "SHARED"},
	graph.SelectStraightThrough: {"STRAIGHT", "NORMALISED"},
	graph.SelectCorrection:      {"GATE", "CORRECTION"},
	graph.SelectL2:              {"L2"},
}

// router queues router.wgsl, a thread a task and head.
func (p *program) router(ctx context.Context, n *graph.Node, in []*value, out *value) {
	a := n.Attr.(graph.RouterAttr)
	v, kinds, bs := flags(selectors[a.Selector]...), []byte("r--wu"), []*wgpu.Buffer{buf(in[0]), nil, nil, buf(out)}
	bind := func(at int, flag string, x *value) { v[flag], kinds[at], bs[at] = "1", 'r', buf(x) }
	rest := in[1:]
	if n.Kind == graph.KindRouterNormGrad {
		bind(1, "GRAD", rest[0])
		rest = rest[1:]
	}
	if len(rest) > 0 {
		bind(2, "NOISE", rest[0])
	}
	v["MODE"] = string(a.Selector)
	factor := float32(math.Sqrt(float64(a.Splits) / float64(a.Skills)))
	heads := n.Numel() / a.Skills
	p.add(p.kernel(ctx, "router", string(kinds), v), heads, 64, []any{heads, a.Skills, a.At * a.Splits * a.Skills, factor}, bs...)
}
