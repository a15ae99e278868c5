package devicetest

import (
	"context"
	"fmt"
	"math"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// GradCheck is a small graph whose gradients are compared with differences.
// Build returns y; the loss is its product with a random cotangent.
type GradCheck struct {
	Name  string
	Kind  graph.Kind // the op whose VJP is meant
	Build func(b *Build) *graph.Node
}

// Run holds every element of every parameter's gradient against central
// differences of fourth order,
//
//	f' ≈ (8·(f(h) − f(−h)) − (f(2h) − f(−2h)))/12h,  f(h) = Σ c·y(p + h·e),
//
// summed in float64 over the float32 outputs. With h = 1/64 the error is about
// 1e-5 of the gradient's size for smooth ops; a thousandth is allowed.
func (c GradCheck) Run(ctx context.Context, d device.Device) (err error) {
	defer fault.Recover(c.Name, &err)
	b := NewBuild(c.Name)
	y := c.Build(b)
	outs := b.Grads(y)
	cotangent := tensor.BytesF32(b.data[len(b.data)-1])
	defer d.Free(b.vars...)
	backward, err := d.Compile(ctx, outs...)
	if err != nil {
		return err
	}
	defer backward.Close()
	if err := b.feed(backward); err != nil {
		return err
	}
	grads, err := runAndRead(ctx, backward, outs)
	if err != nil {
		return err
	}
	forward, err := d.Compile(ctx, y)
	if err != nil {
		return err
	}
	defer forward.Close()
	if err := b.feed(forward); err != nil {
		return err
	}
	loss := func() (float64, error) {
		v, err := runAndRead(ctx, forward, outs[:1])
		if err != nil {
			return 0, err
		}
		t := 0.0
		for i, x := range v[0] {
			t += float64(x) * float64(cotangent[i])
		}
		return t, nil
	}
	for i, v := range b.params {
		want, err := differences(ctx, d, v, loss)
		if err != nil {
			return err
		}
		if tensor.Finite(want) && largest(want) < 1e-3 {
			return fmt.Errorf("%s: differences of at most %g test nothing", v, largest(want))
		}
		if err := (Tolerance{Rel: 1e-3, Abs: 1e-3}).Check(grads[1+i], want); err != nil {
			return fmt.Errorf("gradient of %s: %w", v, err)
		}
	}
	return nil
}

// differences are the derivatives of f by each element of v.
func differences(ctx context.Context, d device.Device, v *tensor.Var, f func() (float64, error)) ([]float32, error) {
	const h = 1.0 / 64
	x, err := readVar(ctx, d, v)
	if err != nil {
		return nil, err
	}
	at := func(i int, move float32) (float64, error) {
		moved := append([]float32(nil), x...)
		moved[i] += move
		if err := d.WriteVar(ctx, v, tensor.F32Bytes(moved)); err != nil {
			return 0, err
		}
		return f()
	}
	df := make([]float32, len(x))
	for i := range x {
		var t float64
		for _, p := range []struct{ move, weight float64 }{{h, 8}, {-h, -8}, {2 * h, -1}, {-2 * h, 1}} {
			l, err := at(i, float32(p.move))
			if err != nil {
				return nil, err
			}
			t += p.weight * l
		}
		df[i] = float32(t / (12 * h))
	}
	return df, d.WriteVar(ctx, v, tensor.F32Bytes(x))
}

func largest(v []float32) float64 {
	t := 0.0
	for _, x := range v {
		t = max(t, math.Abs(float64(x)))
	}
	return t
}

// GradChecks has at least one check for each op of graph.Differentiable.
func GradChecks() []GradCheck {
	attention := func(b *Build, r ragged, a graph.AttentionAttr) *graph.Node {
		n, m := len(r.span), len(r.back)
		return graph.Attention(b.Param(n, a.Heads*a.Dim), b.Param(m, a.KVHeads*a.Dim), b.Param(m, a.KVHeads*a.Dim), b.Pairs(r.span), b.Pairs(r.back), a)
	}
	return append(routerChecks(), []GradCheck{
		{"add", graph.KindAdd, func(b *Build) *graph.Node { x := b.Param(3, 5); return graph.Add(graph.Add(x, b.Param(3, 5)), x) }},
		{"scale by", graph.KindScaleBy, func(b *Build) *graph.Node { return graph.ScaleBy(b.Param(3, 5), b.Param(1)) }},
		{"dot", graph.KindDot, func(b *Build) *graph.Node { return graph.Dot(b.Param(3, 5), b.Param(3, 5)) }},
		{"gated act", graph.KindGatedAct, func(b *Build) *graph.Node { return graph.GatedAct(b.Param(3, 7), b.Param(3, 7), graph.SiLU) }},
		{"gated gelu", graph.KindGatedAct, func(b *Build) *graph.Node { return graph.GatedAct(b.Param(3, 7), b.Param(3, 7), graph.GELUNew) }},
		{"relu", graph.KindReLU, func(b *Build) *graph.Node { // away from its edge
			return graph.ReLU(b.ParamOf([]float32{-2, -1, -0.3, 0.2, 0.7, 3}, 2, 3))
		}},
		{"gather", graph.KindGather, func(b *Build) *graph.Node { return graph.Gather(b.Param(4, 3), b.Ints(2, 0, -1, 2, 1, 3, 9)) }},
		{"scatter", graph.KindScatter, func(b *Build) *graph.Node { return graph.Scatter(b.Param(4, 3), b.Ints(2, 0, 2, 1), 5) }},
		{"rms norm of heads", graph.KindRMSNorm, func(b *Build) *graph.Node { return graph.RMSNorm(b.Param(3, 12), b.Param(4), 1e-5) }},
		{"rms norm", graph.KindRMSNorm, func(b *Build) *graph.Node { return graph.RMSNorm(b.Param(3, 9), b.Param(9), 1e-5) }},
		{"linear", graph.KindLinear, func(b *Build) *graph.Node { return graph.Linear(b.Param(4, 6), b.Param(5, 6)) }},
		{"linear of a stored weight", graph.KindLinear, func(b *Build) *graph.Node {
			return graph.Linear(b.Param(2, 32), b.Weight(tensor.Q4_1, 5, 32))
		}},
		{"routed", graph.KindRouted, func(b *Build) *graph.Node {
			return graph.Routed(b.Param(7, 4), b.Param(3, 4, 5), b.Ints(2, 0, 1, -1, 1, 0, 0), 0.5)
		}},
		{"mix axis 0", graph.KindMix, func(b *Build) *graph.Node { return graph.Mix(b.Param(2, 3, 4), b.Param(3, 4, 2, 5), 0) }},
		{"mix axis 1", graph.KindMix, func(b *Build) *graph.Node { return graph.Mix(b.Param(2, 3, 4), b.Param(3, 4, 2, 5), 1) }},
		{"scale columns", graph.KindScaleCols, func(b *Build) *graph.Node {
			x := b.Param(5, 7)
			return graph.ScaleCols(graph.ScaleCols(x, b.Param(7)), b.Param(7))
		}},
		{"rope", graph.KindRope, func(b *Build) *graph.Node { return graph.Rope(b.Param(3, 16), b.angles(9, 8), b.Ints(4, 0, 8), 8) }},
		{"cross entropy", graph.KindCrossEntropy, func(b *Build) *graph.Node {
			return graph.CrossEntropy(b.Param(4, 7), b.Ints(3, -1, 0, 6))
		}},
		{"smoothed cross entropy", graph.KindCrossEntropy, func(b *Build) *graph.Node {
			return graph.SmoothCrossEntropy(b.Param(4, 7), b.Ints(3, -1, 0, 6), 0.1)
		}},
		{"group sum", graph.KindGroupSum, func(b *Build) *graph.Node {
			return graph.GroupSum(b.Param(7), b.Rand(7), b.Ints(2, 0, 0, -1, 2, 9, 3), 2, 3)
		}},
		{"unlikelihood", graph.KindUnlikelihood, func(b *Build) *graph.Node {
			return graph.Unlikelihood(b.ParamOf([]float32{0.3, 0.5, 1, 1.7, 3}, 5))
		}},
		{"attention that skips keys", graph.KindAttentionSkip, func(b *Build) *graph.Node {
			r := sharedPrompts(1, []int{2, 3, 1}, []int{0, 2, 2}, []int{3, 1})
			return graph.AttentionSkip(b.Param(len(r.span), 16), b.Param(len(r.span), 8), b.Param(len(r.span), 8), b.Pairs(r.span), b.Pairs(r.skip), b.Pairs(r.back),
				graph.AttentionAttr{Heads: 4, KVHeads: 2, Dim: 4, Scale: 0.5})
		}},
		{"attention causal", graph.KindAttention, func(b *Build) *graph.Node {
			return attention(b, causal("", 2, 1, 5, 3), graph.AttentionAttr{Heads: 4, KVHeads: 2, Dim: 4, Scale: 0.5})
		}},
		{"attention with a causal bias", graph.KindAttention, func(b *Build) *graph.Node {
			return biased(b, causal("", 2, 1, 5, 3), graph.AttentionAttr{Heads: 4, KVHeads: 2, Dim: 4, Scale: 0.5}, graph.Bias{Width: 4, Zero: 3, Causal: true})
		}},
		{"attention with a bias to both sides", graph.KindAttention, func(b *Build) *graph.Node {
			return biased(b, cross("", [2]int{5, 5}, [2]int{1, 1}, [2]int{3, 3}), graph.AttentionAttr{Heads: 2, KVHeads: 2, Dim: 4, Scale: 0.5}, graph.Bias{Width: 5, Zero: 2})
		}},
		{"attention cross", graph.KindAttention, func(b *Build) *graph.Node {
			return attention(b, cross("", [2]int{2, 5}, [2]int{3, 2}, [2]int{1, 0}), graph.AttentionAttr{Heads: 2, KVHeads: 2, Dim: 4, Scale: 0.7})
		}},
		{"base of a tied head", graph.KindGather, func(b *Build) *graph.Node {
			// the table's gradient comes from its rows as tokens and as classes
			table := b.Param(7, 8)
			x := graph.Gather(table, b.Ints(3, 0, 3, -1, 6))
			x = graph.Add(x, graph.Linear(graph.RMSNorm(x, b.Param(8), 1e-2), b.Param(8, 8)))
			h := graph.RMSNorm(graph.Gather(x, b.Ints(0, 2, 4)), b.Param(8), 1e-2)
			return graph.CrossEntropy(graph.Linear(h, table), b.Ints(3, -1, 5))
		}},
		{"base under an adapter", graph.KindLinear, func(b *Build) *graph.Node {
			x, slot := graph.RMSNorm(b.Param(5, 8), b.Param(8), 1e-2), b.Ints(0, 1, 1, -1, 0)
			h := graph.Routed(x, b.Param(2, 8, 2), slot, 1)
			return graph.Add(x, graph.Add(graph.Linear(x, b.Param(8, 8)), graph.Routed(h, b.Param(2, 2, 8), slot, 0.5)))
		}},
		{"adapter on a norm", graph.KindLinear, func(b *Build) *graph.Node {
			x, slot := graph.RMSNorm(b.Param(5, 8), b.Param(8), 1e-5), b.Ints(0, 1, 1, -1, 0)
			w := graph.RouterNorm(b.Param(2, 6), 2, 3)
			h := graph.Routed(x, graph.Mix(w, b.Param(2, 3, 4, 2), 0), slot, 1)
			y := graph.Add(graph.Linear(x, b.Weight(tensor.F32, 8, 8)), graph.Routed(h, graph.Mix(w, b.Param(2, 3, 2, 4), 1), slot, 0.5))
			return graph.Add(x, y)
		}},
	}...)
}
