package devicetest

import (
	"fmt"

	"handful/core/graph"
	"handful/core/tensor"
)

// both is x·Wᵀ and z·W for rows n and a frozen W [out, in].
func both(dt tensor.DType, n, in, out int) Case {
	return compare(fmt.Sprintf("linear %v n=%d in=%d out=%d", dt, n, in, out), Loose, func(b *Build) []*graph.Node {
		w := b.Weight(dt, out, in)
		return []*graph.Node{graph.Linear(b.Rand(n, in), w), graph.LinearT(b.Rand(n, out), w)}
	})
}

func linearCases() (cs []Case) {
	for _, dt := range DTypes {
		for _, s := range [][3]int{{1, 64, 3}, {3, 32, 33}, {7, 96, 65}, {65, 64, 127}, {33, 128, 7}, {1, 576, 192}, {3, 64, 4096}} {
			cs = append(cs, both(dt, s[0], whole(dt, s[1]), s[2]))
		}
		if dt == tensor.Q8_0 {
			cs = append(cs, both(dt, 801, 32, 4096)) // more than a browser's helpers are handed at once
		}
		if !dt.Quantised() {
			for _, s := range [][3]int{{1, 1, 1}, {3, 7, 33}, {127, 65, 7}, {33, 127, 65}, {65, 3, 1}, {7, 1, 127}} {
				cs = append(cs, both(dt, s[0], s[1], s[2]))
			}
		}
	}
	cs = append(cs, both(tensor.F32, 130, 160, 200), both(tensor.F32, 257, 96, 130), both(tensor.Q4_1, 257, 96, 130), both(tensor.Q8_0, 130, 160, 200))
	for _, s := range [][3]int{{1, 1, 1}, {7, 33, 65}, {65, 127, 33}, {127, 7, 3}, {300, 65, 64}} {
		n, in, out := s[0], s[1], s[2]
		at := fmt.Sprintf(" n=%d in=%d out=%d", n, in, out)
		cs = append(cs,
			compare("linear and both gradients"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Linear(b.Param(n, in), b.Param(out, in)))
			}),
			compare("outer"+at, Loose, func(b *Build) []*graph.Node {
				return []*graph.Node{graph.Outer(b.Rand(n, in), b.Rand(n, out))}
			}),
		)
	}
	return cs
}

// epilogueCases put every combination of sum and routed product behind a
// linear product, forwards and backwards.
func epilogueCases() (cs []Case) {
	type combo struct {
		name  string
		build func(y, u, r *graph.Node) *graph.Node
	}
	combos := []combo{
		{"add", func(y, u, r *graph.Node) *graph.Node { return graph.Add(u, y) }},
		{"routed", func(y, u, r *graph.Node) *graph.Node { return graph.Add(y, r) }},
		{"add and routed", func(y, u, r *graph.Node) *graph.Node { return graph.Add(u, graph.Add(y, r)) }},
		{"routed sum then product", func(y, u, r *graph.Node) *graph.Node { return graph.Add(graph.Add(u, r), y) }},
		{"two sums", func(y, u, r *graph.Node) *graph.Node { return graph.Add(u, graph.Add(graph.Add(y, u), r)) }},
	}
	shapes := []struct{ n, in, out, rank, tasks int }{{1, 32, 3, 1, 1}, {7, 64, 33, 2, 3}, {65, 96, 130, 8, 1}, {130, 64, 65, 16, 4}, {33, 128, 127, 3, 2}}
	for i, c := range combos {
		for j, s := range shapes {
			dt := DTypes[(len(shapes)*i+j)%len(DTypes)]
			s.in = whole(dt, s.in)
			at := fmt.Sprintf(" %s %v n=%d in=%d out=%d rank=%d tasks=%d", c.name, dt, s.n, s.in, s.out, s.rank, s.tasks)
			cs = append(cs,
				compare("linear with"+at, Loose, func(b *Build) []*graph.Node {
					w, slot := b.Weight(dt, s.out, s.in), b.Ints(b.Slots(s.n, s.tasks)...)
					r := graph.Routed(b.Rand(s.n, s.rank), b.Rand(s.tasks, s.rank, s.out), slot, 0.5)
					return []*graph.Node{c.build(graph.Linear(b.Rand(s.n, s.in), w), b.Rand(s.n, s.out), r)}
				}),
				compare("linear T with"+at, Loose, func(b *Build) []*graph.Node {
					w, slot := b.Weight(dt, s.out, s.in), b.Ints(b.Slots(s.n, s.tasks)...)
					r := graph.RoutedT(b.Rand(s.n, s.rank), b.Rand(s.tasks, s.in, s.rank), slot, -1.5)
					return []*graph.Node{c.build(graph.LinearT(b.Rand(s.n, s.out), w), b.Rand(s.n, s.in), r)}
				}),
			)
		}
	}
	return cs
}
