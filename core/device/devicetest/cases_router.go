package devicetest

import (
	"fmt"

	"handful/core/graph"
)

// selectors are all ways from logits to weights; sampled says which of them
// may meet noise.
var selectors = []struct {
	name    graph.Selector
	sampled bool
}{{graph.SelectSigmoid, true}, {graph.SelectShared, true}, {graph.SelectCorrection, true}, {graph.SelectStraightThrough, false}, {graph.SelectL2, false}}

func routerCases() (cs []Case) {
	add := func(name string, a graph.RouterAttr, z func(b *Build) *graph.Node) {
		cs = append(cs, compare("router "+name, Loose, func(b *Build) []*graph.Node { return b.Grads(graph.Select(z(b), nil, a)) }))
	}
	for _, s := range selectors {
		for _, x := range [][3]int{{1, 1, 1}, {1, 4, 8}, {3, 7, 3}, {65, 33, 2}, {2, 64, 8}, {33, 1, 127}} {
			t, a := x[0], graph.RouterAttr{Splits: x[1], Skills: x[2], Selector: s.name}
			at := fmt.Sprintf("%s t=%d Q=%d S=%d", s.name, t, a.Splits, a.Skills)
			add(at, a, func(b *Build) *graph.Node { return b.Param(t, a.Splits*a.Skills) })
			if !s.sampled {
				continue
			}
			a.At = 2
			cs = append(cs, compare("router with noise "+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Select(b.Param(t, a.Splits*a.Skills), b.Rand(t+3, a.Splits*a.Skills), a))
			}))
		}
		far := []float32{-20, 15, 0, 3, 20, 20, -8, -9, -90, -100, -200, -1, 0, 0, 0, 0} // a head may have every skill off
		add(fmt.Sprintf("%s far from zero and at it", s.name), graph.RouterAttr{Splits: 4, Skills: 4, Selector: s.name}, func(b *Build) *graph.Node {
			return b.ParamOf(far, 1, 16)
		})
	}
	return append(cs, compare("router l2 of tiny logits", Loose, func(b *Build) []*graph.Node {
		z := b.ParamOf([]float32{3e-6, -4e-6, 0, 1e-7, -2e-6, 5e-6}, 1, 6)
		return []*graph.Node{graph.Select(z, nil, graph.RouterAttr{Splits: 2, Skills: 3, Selector: graph.SelectL2})}
	}))
}

// routerChecks hold the gradients of what is smooth against differences; the
// derivative of straight-through is none, and is held against PyTorch's.
func routerChecks() (cs []GradCheck) {
	for _, s := range selectors {
		if s.name == graph.SelectStraightThrough {
			continue
		}
		a := graph.RouterAttr{Splits: 2, Skills: 4, Selector: s.name, At: 1}
		z := func(b *Build) *graph.Node {
			v := b.Normal(3*8, 1)
			for i := range v {
				if v[i] >= 0 {
					v[i] += 0.5 // away from where ‖x‖ bends sharply
				} else {
					v[i] -= 0.5
				}
			}
			return b.ParamOf(v, 3, 8)
		}
		cs = append(cs, GradCheck{"router " + string(s.name), graph.KindRouterNorm, func(b *Build) *graph.Node { return graph.Select(z(b), nil, a) }})
		if s.sampled {
			cs = append(cs, GradCheck{"router with noise " + string(s.name), graph.KindRouterNorm, func(b *Build) *graph.Node { return graph.Select(z(b), b.Rand(5, 8), a) }})
		}
	}
	return append(cs, GradCheck{"router read by two layers", graph.KindRouterNorm, func(b *Build) *graph.Node {
		z, noise := b.Param(2, 6), b.Rand(4, 6)
		layer := func(at int) *graph.Node {
			w := graph.Select(z, noise, graph.RouterAttr{Splits: 2, Skills: 3, Selector: graph.SelectSigmoid, At: at})
			return graph.Mix(w, b.Param(2, 3, 2, 2), 0)
		}
		return graph.Add(layer(0), layer(2))
	}})
}
