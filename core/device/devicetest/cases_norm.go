package devicetest

import (
	"fmt"

	"handful/core/graph"
)

func normCases() (cs []Case) {
	shapes := [][2]int{{manyRows, 3}, {2, 2048}}
	for i, n := range sizes {
		shapes = append(shapes, [2]int{n, sizes[(i+2)%len(sizes)]})
	}
	for _, s := range shapes {
		n, d := s[0], s[1]
		cs = append(cs, compare(fmt.Sprintf("rms norm %dx%d", n, d), Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.RMSNorm(b.Param(n, d), b.Param(d), 1e-5))
		}))
	}
	for _, s := range [][3]int{{1, 2, 8}, {5, 3, 7}, {33, 9, 64}, {1030, 2, 33}} {
		n, heads, d := s[0], s[1], s[2]
		cs = append(cs, compare(fmt.Sprintf("rms norm of heads %dx%dx%d", n, heads, d), Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.RMSNorm(b.Param(n, heads*d), b.Param(d), 1e-5))
		}))
	}
	return append(cs,
		compare("rms norm of a zero row", Loose, func(b *Build) []*graph.Node {
			x := b.Normal(3*65, 1)
			clear(x[65:130])
			return b.Grads(graph.RMSNorm(b.ParamOf(x, 3, 65), b.Param(65), 1e-6))
		}),
		compare("rms norm of large and small rows", Loose, func(b *Build) []*graph.Node {
			x := append(b.Normal(33, 1e4), b.Normal(33, 1e-4)...)
			return []*graph.Node{graph.RMSNorm(b.Values(x, 2, 33), b.Rand(33), 1e-5)}
		}),
	)
}
