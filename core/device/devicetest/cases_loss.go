package devicetest

import (
	"fmt"

	"handful/core/graph"
)

func lossCases() (cs []Case) {
	for _, s := range [][2]int{{1, 1}, {1, 3}, {3, 7}, {7, 33}, {33, 127}, {65, 65}, {127, 2}, {3, 4099}, {manyRows, 3}} {
		n, v := s[0], s[1]
		cs = append(cs, compare(fmt.Sprintf("cross entropy %dx%d", n, v), Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.CrossEntropy(b.Param(n, v), b.Ints(b.Slots(n, v)...)))
		}))
	}
	return append(cs,
		compare("cross entropy without labels", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.CrossEntropy(b.Param(3, 33), b.Ints(-1, -1, -1)))
		}),
		compare("cross entropy of large logits", Loose, func(b *Build) []*graph.Node {
			x := b.ParamOf([]float32{1000, -1000, 990, 0, -5000, -5001, -5000, -5002}, 2, 4)
			return b.Grads(graph.CrossEntropy(x, b.Ints(2, 1)))
		}),
	)
}
