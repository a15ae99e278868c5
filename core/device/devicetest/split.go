package devicetest

import (
	"fmt"

	"handful/core/graph"
	"handful/core/tensor"
)

// SplitBinding is the MaxBinding, in bytes, that SplitCases are meant for.
const SplitBinding = 64 << 10

// SplitCases use weights above SplitBinding. Run them on a device opened with
// that limit: pieces must give the same numbers as the whole. A type of each
// layout will do.
func SplitCases() (cs []Case) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_1, tensor.Q5_1, tensor.IQ4_NL, tensor.Q4_K, tensor.Q6_K} {
		for _, s := range [][3]int{{1, 64, 8192}, {7, 576, 300}, {65, 1536, 200}, {33, 256, 1025}} {
			n, in, out := s[0], whole(dt, s[1]), s[2]
			if dt.Bytes(out, in) <= SplitBinding {
				continue
			}
			at := fmt.Sprintf(" %v n=%d in=%d out=%d", dt, n, in, out)
			cs = append(cs,
				compare("split linear"+at, Loose, func(b *Build) []*graph.Node {
					w := b.Weight(dt, out, in)
					return []*graph.Node{graph.Linear(b.Rand(n, in), w), graph.LinearT(b.Rand(n, out), w)}
				}),
				compare("split gather"+at, Tight, func(b *Build) []*graph.Node {
					return []*graph.Node{graph.Gather(b.Weight(dt, out, in), b.Ints(b.oddRows(n+9, out)...))}
				}),
				compare("split linear with epilogues"+at, Loose, func(b *Build) []*graph.Node {
					w, slot := b.Weight(dt, out, in), b.Ints(b.Slots(n, 2)...)
					r := graph.Routed(b.Rand(n, 3), b.Rand(2, 3, out), slot, 0.5)
					y := graph.Add(b.Rand(n, out), graph.Add(graph.Linear(b.Rand(n, in), w), r))
					rt := graph.RoutedT(b.Rand(n, 3), b.Rand(2, in, 3), slot, 0.5)
					return []*graph.Node{y, graph.Add(b.Rand(n, in), graph.Add(graph.LinearT(b.Rand(n, out), w), rt))}
				}),
			)
		}
	}
	return append(cs, compare("split tied embedding", Loose, func(b *Build) []*graph.Node {
		w := b.Weight(tensor.Q8_0, 4096, 64)
		return []*graph.Node{graph.Linear(graph.Gather(w, b.Ints(0, 4095, 2000)), w)}
	}))
}
