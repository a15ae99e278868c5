package devicetest

import (
	"fmt"

	"handful/core/graph"
)

func routedCases() (cs []Case) {
	type shape struct{ n, a, b, tasks int }
	add := func(s shape, how string, slots func(b *Build) []int32) {
		cs = append(cs, compare(fmt.Sprintf("routed n=%d %dx%d tasks=%d %s", s.n, s.a, s.b, s.tasks, how), Loose, func(b *Build) []*graph.Node {
			slot := b.Ints(slots(b)...)
			out := b.Grads(graph.Routed(b.Param(s.n, s.a), b.Param(s.tasks, s.a, s.b), slot, 0.25))
			return append(out, graph.RoutedT(b.Rand(s.n, s.b), b.Rand(s.tasks, s.a, s.b), slot, 2))
		}))
	}
	for rank := 1; rank <= 16; rank++ { // down to the rank and up from it
		n, d := sizes[rank%len(sizes)], sizes[(rank+2)%len(sizes)]
		for _, s := range []shape{{n, d, rank, 1 + rank%3}, {n, rank, d, 1 + rank%3}} {
			add(s, "interleaved", func(b *Build) []int32 { return b.Slots(s.n, s.tasks) })
		}
	}
	for _, s := range []shape{{300, 576, 8, 4}, {300, 8, 576, 4}, {257, 64, 4, 2}} {
		add(s, "in runs", func(b *Build) []int32 {
			slot := make([]int32, s.n)
			for i := range slot {
				if slot[i] = int32(i * s.tasks / s.n); i >= s.n-9 {
					slot[i] = -1 // padding
				}
			}
			return slot
		})
	}
	none := func(n int) func(*Build) []int32 {
		return func(*Build) []int32 {
			slot := make([]int32, n)
			for i := range slot {
				slot[i] = -1
			}
			return slot
		}
	}
	add(shape{33, 65, 4, 2}, "no slot at all", none(33))
	add(shape{1, 7, 3, 1}, "one padding row", none(1))
	add(shape{65, 33, 8, 5}, "one task of five", func(b *Build) []int32 { return b.Below(65, 1) })
	add(shape{manyRows, 2, 1, 3}, "many rows", func(b *Build) []int32 { return b.Slots(manyRows, 3) })
	return cs
}

func mixCases() (cs []Case) {
	for _, s := range []struct{ t, q, s, a, b int }{
		{1, 1, 1, 1, 1}, {1, 1, 8, 64, 4}, {3, 4, 8, 16, 4}, {2, 4, 3, 7, 5}, {5, 3, 2, 33, 1}, {1, 64, 8, 9, 1}, {2, 1, 16, 127, 16}, {3, 8, 5, 1, 65},
	} {
		for axis := range 2 {
			cs = append(cs, compare(fmt.Sprintf("mix t=%d Q=%d S=%d %dx%d axis %d", s.t, s.q, s.s, s.a, s.b, axis), Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Mix(b.Param(s.t, s.q, s.s), b.Param(s.q, s.s, s.a, s.b), axis))
			}))
		}
	}
	return cs
}
