package devicetest

import (
	"fmt"

	"handful/core/graph"
)

func elementwiseCases() (cs []Case) {
	shapes := [][2]int{{manyRows, 1}, {manyRows, 3}}
	for i, n := range sizes {
		shapes = append(shapes, [2]int{n, sizes[len(sizes)-1-i]})
	}
	for _, s := range shapes {
		n, d := s[0], s[1]
		at := fmt.Sprintf(" %dx%d", n, d)
		cs = append(cs,
			compare("add"+at, Tight, func(b *Build) []*graph.Node { return b.Grads(graph.Add(b.Param(n, d), b.Param(n, d))) }),
			compare("scale by"+at, Tight, func(b *Build) []*graph.Node {
				return b.Grads(graph.ScaleBy(b.positive(n, d), b.Param(1)))
			}),
			compare("dot"+at, Loose, func(b *Build) []*graph.Node {
				x, y := b.positive(n, d), b.positive(n, d)
				return b.Grads(graph.Dot(x, y))
			}),
			compare("scale columns"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.ScaleCols(b.positive(n, d), b.Param(d)))
			}),
			compare("gated act"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.GatedAct(b.Param(n, d), b.Param(n, d), graph.SiLU))
			}),
			compare("gated gelu"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.GatedAct(b.Param(n, d), b.Param(n, d), graph.GELUNew))
			}),
			compare("relu"+at, Tight, func(b *Build) []*graph.Node { return b.Grads(graph.ReLU(b.Param(n, d))) }),
		)
	}
	return append(cs,
		compare("add x+x", Tight, func(b *Build) []*graph.Node { x := b.Param(7, 5); return b.Grads(graph.Add(x, x)) }),
		compare("gated act far from zero", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.GatedAct(b.ParamOf(far, 1, len(far)), b.Param(1, len(far)), graph.SiLU))
		}),
		compare("gated gelu far from zero", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.GatedAct(b.ParamOf(far, 1, len(far)), b.Param(1, len(far)), graph.GELUNew))
		}),
		compare("relu far from zero", Tight, func(b *Build) []*graph.Node {
			return b.Grads(graph.ReLU(b.ParamOf(far, 1, len(far))))
		}),
	)
}

// far are values at which exponentials end.
var far = []float32{-200, -100, -88, -20, -1e-6, 0, 1e-6, 20, 88, 100, 200}

// positive is a parameter without signs, so that its sums do not cancel.
func (b *Build) positive(shape ...int) *graph.Node {
	n := b.Param(shape...)
	v := b.Normal(n.Numel(), 1)
	for i := range v {
		v[i] = max(v[i], -v[i])
	}
	b.vars, b.params = b.vars[:len(b.vars)-1], b.params[:len(b.params)-1]
	return b.ParamOf(v, shape...)
}
