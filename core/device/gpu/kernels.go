package gpu

import (
	"context"

	"github.com/gogpu/wgpu"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
	"handful/shaders"
)

// kernel compiles a family of shaders/ with its constants.
func (p *program) kernel(ctx context.Context, name, kinds string, v shaders.Vars) *pipeline {
	src, err := shaders.Source(name, v)
	if err != nil {
		panic(fault.New(fault.Bug, "gpu", "%v", err))
	}
	label := name
	for _, k := range []string{"OP", "DT", "MODE"} {
		if v[k] != "" {
			label += " " + v[k]
		}
	}
	pl, err := p.d.pipeline(ctx, label, src, kinds)
	if err != nil {
		panic(err)
	}
	return pl
}

// flags makes Vars of set flags.
func flags(names ...string) shaders.Vars {
	v := shaders.Vars{}
	for _, n := range names {
		v[n] = "1"
	}
	return v
}

// buf is a value's one buffer.
func buf(v *value) *wgpu.Buffer {
	if len(v.pieces) != 1 {
		panic(fault.New(fault.Memory, "gpu", "a trained tensor of shape %v is above what the adapter binds", v.shape))
	}
	return v.pieces[0].buf
}

func cols(s []int) int { return tensor.Numel(s[1:]) }

// elementwise ops: their flag in elementwise.wgsl.
var elementwise = map[graph.Kind]string{graph.KindAdd: "OP_ADD", graph.KindScaleBy: "OP_SCALE", graph.KindGatedAct: "OP_GATED",
	graph.KindGatedActGradGate: "OP_GATED_GRAD", graph.KindReLU: "OP_RELU", graph.KindReLUGrad: "OP_RELU_GRAD",
	graph.KindUnlikelihood: "OP_UNLIKELY", graph.KindUnlikelihoodGrad: "OP_UNLIKELY_GRAD"}

// emit queues the dispatches of one step. Graph-building mistakes panic and
// are recovered by Compile.
func (p *program) emit(ctx context.Context, n *graph.Node, in []*value, out *value) error {
	size := n.Numel()
	if op := elementwise[n.Kind]; op != "" {
		v, kinds := flags(op), []string{"r--wu", "rr-wu", "rrrwu"}[len(in)-1]
		bs := []*wgpu.Buffer{nil, nil, nil, buf(out)}
		for i, x := range in {
			bs[i] = buf(x)
		}
		if arity := []string{"ONE", "", "THREE"}[len(in)-1]; arity != "" {
			v[arity] = "1"
		}
		if a, ok := n.Attr.(graph.ActAttr); ok && a.Act == graph.GELUNew {
			v["GELU"] = "1"
		}
		p.add(p.kernel(ctx, "elementwise", kinds, v), (size+3)/4, 64, []any{size}, bs...)
		return nil
	}
	switch n.Kind {
	case graph.KindLinear, graph.KindLinearT:
		p.linear(ctx, n, in, out)
	case graph.KindRouted, graph.KindRoutedT:
		p.routed(ctx, n, in, out)
	case graph.KindRoutedOuter:
		scale := n.Attr.(graph.RoutedAttr).Scale
		p.outer(ctx, flags("ROUTED"), "rrrwu", in, out, []any{n.Shape[1], n.Shape[2], n.Shape[0], scale}, buf(in[0]), buf(in[1]), buf(in[2]), buf(out))
	case graph.KindOuter:
		p.outer(ctx, nil, "rr-wu", in, out, []any{n.Shape[0], n.Shape[1], 1, float32(1)}, buf(in[0]), buf(in[1]), nil, buf(out))
	case graph.KindMix, graph.KindMixGradW, graph.KindMixGradP:
		p.mix(ctx, n, in, out)
	case graph.KindRouterNorm, graph.KindRouterNormGrad:
		p.router(ctx, n, in, out)
	case graph.KindScaleCols:
		p.add(p.kernel(ctx, "scalecols", "rrwu", flags("SCALE")), size, 64, []any{n.Shape[0], n.Shape[1], 0}, buf(in[0]), buf(in[1]), buf(out))
	case graph.KindScaleColsGradS:
		return p.scaleGrad(ctx, in, out)
	case graph.KindGather:
		p.gather(ctx, n, in, out)
	case graph.KindScatter:
		p.scatter(ctx, n, in, out)
	case graph.KindStoreRows:
		p.add(p.kernel(ctx, "scatter", "rrwu", flags("STORE", "READS")), tensor.Numel(in[1].shape), 64, []any{in[1].shape[0], cols(n.Shape), n.Shape[0], 0, 0},
			buf(in[1]), buf(in[2]), buf(out))
	case graph.KindRMSNorm, graph.KindRMSNormGrad, graph.KindRMSNormGradW:
		return p.rmsNorm(ctx, n, in, out)
	case graph.KindRope:
		a := n.Attr.(graph.RopeAttr)
		sign := float32(1)
		if a.Inverse {
			sign = -1
		}
		p.add(p.kernel(ctx, "rope", "rrrwu", nil), size/2, 64, []any{n.Shape[0], n.Shape[1], a.Dim / 2, in[1].shape[0], sign}, buf(in[0]), buf(in[1]), buf(in[2]), buf(out))
	case graph.KindAttention, graph.KindAttentionSkip, graph.KindAttentionStats, graph.KindAttentionSkipStats,
		graph.KindAttentionGradQ, graph.KindAttentionSkipGradQ, graph.KindAttentionGradK, graph.KindAttentionGradV:
		p.attention(ctx, n, in, out)
	case graph.KindCrossEntropy, graph.KindCrossEntropyGrad:
		p.crossEntropy(ctx, n, in, out)
	case graph.KindGroupSum, graph.KindGroupSumGrad:
		p.groupSum(ctx, n, in, out)
	case graph.KindDot, graph.KindGlobalNorm:
		return p.reduce(ctx, n, in, out)
	case graph.KindAdamW:
		p.add(p.kernel(ctx, "adamw", "wwwrrru", nil), size, 64, []any{size}, buf(in[0]), buf(in[1]), buf(in[2]), buf(in[3]), buf(in[4]), buf(in[5]))
	case graph.KindAdafactor:
		return p.adafactor(ctx, n, in)
	default:
		return fault.New(fault.Bug, "gpu", "no kernel for %s", n)
	}
	return nil
}

func (p *program) routed(ctx context.Context, n *graph.Node, in []*value, out *value) {
	m := in[1].shape
	v, inner := shaders.Vars{}, m[1]
	if n.Kind == graph.KindRoutedT {
		v, inner = flags("TRANSPOSED"), m[2]
	}
	p.add(p.kernel(ctx, "routed", "rrrwu", v), n.Numel(), 64, []any{n.Shape[0], inner, n.Shape[1], m[0], n.Attr.(graph.RoutedAttr).Scale},
		buf(in[0]), buf(in[1]), buf(in[2]), buf(out))
}

func (p *program) mix(ctx context.Context, n *graph.Node, in []*value, out *value) {
	var flag string
	var skill, w []int // shapes of P and of w
	switch n.Kind {
	case graph.KindMix:
		flag, w, skill = "MIX", in[0].shape, in[1].shape
	case graph.KindMixGradW:
		flag, w, skill = "GRADW", n.Shape, in[1].shape
	default:
		flag, w, skill = "GRADP", in[0].shape, n.Shape
	}
	v, params := flags(flag), []any{w[0], skill[0], skill[1], skill[2], skill[3]}
	if n.Attr.(graph.MixAttr).Axis == 0 {
		v["AXIS0"] = "1"
	}
	if flag == "GRADW" {
		p.rows(ctx, "mix", "rrwu", v, n.Numel(), skill[2]*skill[3], params, buf(in[0]), buf(in[1]), buf(out))
		return
	}
	p.add(p.kernel(ctx, "mix", "rrwu", v), n.Numel(), 64, params, buf(in[0]), buf(in[1]), buf(out))
}

func (p *program) gather(ctx context.Context, n *graph.Node, in []*value, out *value) {
	v := weightVars(in[0].dt)
	pl := p.kernel(ctx, "gather", "rrwu", v)
	for i, pc := range in[0].pieces {
		first, lo, hi := 0, pc.lo, pc.hi
		if i == 0 {
			first = 1
		}
		if len(in[0].pieces) == 1 {
			lo, hi = 0, in[0].shape[0]
		}
		p.add(pl, n.Numel(), 64, []any{n.Shape[0], n.Shape[1], lo, hi, in[0].shape[0], first}, pc.buf, buf(in[1]), buf(out))
	}
}
