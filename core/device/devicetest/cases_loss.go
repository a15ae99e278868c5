package devicetest

import (
	"fmt"

	"handful/core/graph"
)

func lossCases() (cs []Case) {
	for _, s := range [][2]int{{1, 1}, {1, 3}, {3, 7}, {7, 33}, {33, 127}, {65, 65}, {127, 2}, {3, 4099}, {manyRows, 3}} {
		n, v := s[0], s[1]
		for _, smooth := range []float32{0, 0.1} {
			cs = append(cs, compare(fmt.Sprintf("cross entropy %dx%d smooth=%g", n, v, smooth), Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.SmoothCrossEntropy(b.Param(n, v), b.Ints(b.Slots(n, v)...), smooth))
			}))
		}
	}
	for _, s := range [][2]int{{1, 1}, {7, 1}, {33, 5}, {65, 127}, {3, 65}, {manyRows, 3}} {
		n, groups := s[0], s[1]
		cs = append(cs,
			compare(fmt.Sprintf("sum of %d values in %d groups", n, groups), Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.GroupSum(b.Param(n), b.Rand(n), b.Ints(b.Slots(n, groups)...), groups))
			}),
			compare(fmt.Sprintf("unlikelihood of %d", n), Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Unlikelihood(b.positive(n)))
			}),
		)
	}
	return append(cs,
		compare("sums of no group", Tight, func(b *Build) []*graph.Node {
			return b.Grads(graph.GroupSum(b.Param(3), b.Rand(3), b.Ints(-1, 9, -5), 2, 4))
		}),
		compare("unlikelihood at the ends", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.Unlikelihood(b.ParamOf([]float32{0, 1e-6, 0.01, 1, 20, 87, 100, 1000}, 8)))
		}),
		compare("cross entropy without labels", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.CrossEntropy(b.Param(3, 33), b.Ints(-1, -1, -1)))
		}),
		compare("cross entropy of large logits", Loose, func(b *Build) []*graph.Node {
			x := b.ParamOf([]float32{1000, -1000, 990, 0, -5000, -5001, -5000, -5002}, 2, 4)
			return b.Grads(graph.CrossEntropy(x, b.Ints(2, 1)))
		}),
	)
}
