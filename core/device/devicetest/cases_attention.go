package devicetest

import (
	"fmt"
	"math"
	"strings"

	"handful/core/graph"
)

// headShapes are MHA, GQA and MQA at the head widths that models have.
var headShapes = []graph.AttentionAttr{
	{Heads: 1, KVHeads: 1, Dim: 8}, {Heads: 4, KVHeads: 4, Dim: 8}, {Heads: 9, KVHeads: 3, Dim: 64},
	{Heads: 2, KVHeads: 2, Dim: 64}, {Heads: 4, KVHeads: 1, Dim: 80}, {Heads: 2, KVHeads: 2, Dim: 80}, {Heads: 6, KVHeads: 2, Dim: 8},
	{Heads: 3, KVHeads: 1, Dim: 10},
}

// ragged is how queries and keys of segments see each other: span for each
// query and back for each key, with rows of padding behind the last segment.
type ragged struct {
	name             string
	span, back, skip [][2]int32 // skip: sharedPrompts only
}

// causal segments: each token sees its own segment up to itself.
func causal(name string, padding int, segments ...int) ragged {
	r, at := ragged{name: name}, int32(0)
	for _, n := range segments {
		end := at + int32(n)
		for i := at; i < end; i++ {
			r.span, r.back = append(r.span, [2]int32{at, i + 1}), append(r.back, [2]int32{i, end})
		}
		at = end
	}
	for range padding {
		r.span, r.back = append(r.span, [2]int32{at, at}), append(r.back, [2]int32{at, at})
	}
	return r
}

// sharedPrompts are groups of a prompt's length and those of the answers behind
// it, which see the prompt and themselves.
func sharedPrompts(padding int, groups ...[]int) (r ragged) {
	put := func(lo, from, to, end int) {
		at := int32(len(r.span))
		r.span, r.skip, r.back = append(r.span, [2]int32{int32(lo), at + 1}), append(r.skip, [2]int32{int32(from), int32(to)}), append(r.back, [2]int32{at, int32(end)})
	}
	for _, g := range groups {
		lo, end := len(r.span), len(r.span)
		for _, n := range g {
			end += n
		}
		for range g[0] {
			put(lo, 0, 0, end)
		}
		for _, n := range g[1:] {
			start := len(r.span)
			for range n {
				put(lo, lo+g[0], start, start+n)
			}
		}
	}
	for range padding {
		at := int32(len(r.span))
		r.span, r.skip, r.back = append(r.span, [2]int32{at, at}), append(r.skip, [2]int32{}), append(r.back, [2]int32{at, at})
	}
	return r
}

// cross segments: queries see all keys of their segment; segments are pairs of
// query and key counts, either of which may be 0.
func cross(name string, segments ...[2]int) ragged {
	r, q, k := ragged{name: name}, int32(0), int32(0)
	for _, s := range segments {
		qe, ke := q+int32(s[0]), k+int32(s[1])
		for ; q < qe; q++ {
			r.span = append(r.span, [2]int32{k, ke})
		}
		for ; k < ke; k++ {
			r.back = append(r.back, [2]int32{qe - int32(s[0]), qe})
		}
	}
	return r
}

var raggeds = []ragged{
	causal("1 token", 0, 1),
	causal("causal 33", 0, 33),
	causal("causal 1+3+7+33 padded", 5, 1, 3, 7, 33),
	causal("causal 65+1+127", 2, 65, 1, 127),
	causal("padding only", 3),
	cross("bidirectional 7+33", [2]int{7, 7}, [2]int{33, 33}),
	cross("cross", [2]int{3, 65}, [2]int{33, 1}, [2]int{2, 0}, [2]int{1, 7}, [2]int{0, 4}),
}

func attentionCases() (cs []Case) {
	for i, a := range headShapes {
		for j, r := range raggeds {
			if (i+j)%2 == 1 && len(r.span) > 100 {
				continue
			}
			a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
			cs = append(cs, compare(fmt.Sprintf("attention %s, heads %d/%d of %d", r.name, a.Heads, a.KVHeads, a.Dim), Loose, func(b *Build) []*graph.Node {
				n, m := len(r.span), len(r.back)
				return b.Grads(graph.Attention(b.Param(n, a.Heads*a.Dim), b.Param(m, a.KVHeads*a.Dim), b.Param(m, a.KVHeads*a.Dim), b.Pairs(r.span), b.Pairs(r.back), a))
			}))
		}
	}
	for i, a := range headShapes {
		for j, r := range raggeds {
			if n := len(r.span); i%2 == 1 || len(r.back) != n || n > 100 && i > 0 {
				continue
			}
			both := strings.Contains(r.name, "bidirectional")
			bias := graph.Bias{Width: 1 + 8*j + i, Zero: 4*j + i, Causal: !both}
			cs = append(cs, compare(fmt.Sprintf("attention with a bias, %s, heads %d/%d of %d", r.name, a.Heads, a.KVHeads, a.Dim), Loose, func(b *Build) []*graph.Node {
				return b.Grads(biased(b, r, a, bias))
			}))
		}
	}
	for i, groups := range [][][]int{{{1, 1, 1}}, {{33, 3, 7, 1}, {0, 5, 5}, {65, 1}}, {{7, 20, 33}, {3}, {1, 31, 1}}} {
		a := headShapes[2+i]
		a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
		cs = append(cs, compare(fmt.Sprintf("attention behind shared prompts %v, heads %d/%d of %d", groups, a.Heads, a.KVHeads, a.Dim), Loose, func(b *Build) []*graph.Node {
			r := sharedPrompts(3, groups...)
			n := len(r.span)
			return b.Grads(graph.AttentionSkip(b.Param(n, a.Heads*a.Dim), b.Param(n, a.KVHeads*a.Dim), b.Param(n, a.KVHeads*a.Dim), b.Pairs(r.span), b.Pairs(r.skip), b.Pairs(r.back), a))
		}))
	}
	for _, a := range []graph.AttentionAttr{{Heads: 9, KVHeads: 3, Dim: 64}, {Heads: 4, KVHeads: 1, Dim: 256}, {Heads: 4, KVHeads: 1, Dim: 50}} {
		a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
		cs = append(cs, compare(fmt.Sprintf("attention in a long row, heads %d/%d of %d", a.Heads, a.KVHeads, a.Dim), Loose, func(b *Build) []*graph.Node {
			r := causal("", 0, 300)
			return b.Grads(graph.Attention(b.Param(300, a.Heads*a.Dim), b.Param(300, a.KVHeads*a.Dim), b.Param(300, a.KVHeads*a.Dim), b.Pairs(r.span), b.Pairs(r.back), a))
		}))
	}
	cs = append(cs, compare("attention with a bias in a long row", Loose, func(b *Build) []*graph.Node {
		return b.Grads(biased(b, cross("", [2]int{300, 300}), graph.AttentionAttr{Heads: 6, KVHeads: 6, Dim: 64}, graph.Bias{Width: 257, Zero: 128}))
	}))
	one := graph.AttentionAttr{Heads: 2, KVHeads: 1, Dim: 8, Scale: 1}
	return append(cs,
		compare("attention spans of any kind", Loose, func(b *Build) []*graph.Node {
			spans := [][2]int32{{5, 9}, {0, 0}, {8, 3}, {0, 65}, {64, 65}, {-4, 2}, {60, 99}, {-3, -1}, {70, 80}, {30, 31}}
			return []*graph.Node{graph.Attention(b.Rand(10, 16), b.Rand(65, 8), b.Rand(65, 8), b.Pairs(spans), nil, one)}
		}),
		compare("attention that skips keys", Loose, func(b *Build) []*graph.Node {
			spans := [][2]int32{{0, 4}, {0, 12}, {0, 40}, {0, 65}, {3, 3}, {10, 20}, {0, 8}}
			skips := [][2]int32{{0, 0}, {4, 8}, {4, 39}, {60, 99}, {0, 65}, {10, 20}, {-5, 3}}
			return []*graph.Node{graph.AttentionSkip(b.Rand(7, 16), b.Rand(65, 8), b.Rand(65, 8), b.Pairs(spans), b.Pairs(skips), nil, one)}
		}),
		compare("attention with a bias in a cache", Loose, func(b *Build) []*graph.Node {
			spans := b.Pairs([][2]int32{{0, 1}, {0, 65}, {7, 7}, {60, 65}, {3, 40}})
			return []*graph.Node{graph.AttentionBias(b.Rand(5, 16), b.Rand(65, 8), b.Rand(65, 8), b.Rand(2, 9), spans, nil, one, graph.Bias{Width: 9, Zero: 8, Causal: true})}
		}),
		compare("attention with large scores", Loose, func(b *Build) []*graph.Node {
			r := causal("", 0, 33)
			q := b.ParamOf(b.Normal(33*16, 6), 33, 16)
			return b.Grads(graph.Attention(q, b.ParamOf(b.Normal(33*8, 6), 33, 8), b.Param(33, 8), b.Pairs(r.span), b.Pairs(r.back), one))
		}),
		// Exactly none, as in PyTorch: Adam makes steps of any rounding error.
		compare("attention to one key has no gradient through its score", Tolerance{}, func(b *Build) []*graph.Node {
			r := cross("", [2]int{3, 1}, [2]int{1, 1}, [2]int{33, 1})
			a := graph.AttentionAttr{Heads: 6, KVHeads: 2, Dim: 10, Scale: 1}
			return b.Grads(graph.Attention(b.Param(37, 60), b.Param(3, 20), b.Rand(3, 20), b.Pairs(r.span), b.Pairs(r.back), a))
		}),
		compare("attention over 1,500 keys", Loose, func(b *Build) []*graph.Node {
			r := causal("", 0, 3, 1500)
			q := b.Rand(1503, 16)
			return []*graph.Node{graph.Attention(q, b.Rand(1503, 8), b.Rand(1503, 8), b.Pairs(r.span), nil, one)}
		}),
	)
}

// biased is attention with a bias in its scores, unscaled as T5's is.
func biased(b *Build, r ragged, a graph.AttentionAttr, bias graph.Bias) *graph.Node {
	n := len(r.span)
	if a.Scale == 0 {
		a.Scale = 1
	}
	q := b.ParamOf(b.Normal(n*a.Heads*a.Dim, 1/math.Sqrt(float64(a.Dim))), n, a.Heads*a.Dim)
	return graph.AttentionBias(q, b.Param(n, a.KVHeads*a.Dim), b.Param(n, a.KVHeads*a.Dim), b.Rand(a.Heads, bias.Width), b.Pairs(r.span), b.Pairs(r.back), a, bias)
}

func ropeCases() (cs []Case) {
	for i, a := range headShapes {
		for _, n := range []int{1, 33, 127} {
			cs = append(cs, compare(fmt.Sprintf("rope n=%d, %d heads of %d", n, a.Heads, a.Dim), Loose, func(b *Build) []*graph.Node {
				rows := 16 + i
				return b.Grads(graph.Rope(b.Param(n, a.Heads*a.Dim), b.angles(rows, a.Dim), b.Ints(b.Below(n, rows)...), a.Dim))
			}))
		}
	}
	return append(cs, compare("rope of many rows", Loose, func(b *Build) []*graph.Node {
		return b.Grads(graph.Rope(b.Param(manyRows, 2), b.angles(5, 2), b.Ints(b.Below(manyRows, 5)...), 2))
	}))
}

// angles is a rotary table [rows, dim]: cosines, then sines.
func (b *Build) angles(rows, dim int) *graph.Node {
	t := make([]float32, rows*dim)
	for p := range rows {
		for j := range dim / 2 {
			a := float64(p) * math.Pow(1e4, -2*float64(j)/float64(dim))
			t[p*dim+j], t[p*dim+dim/2+j] = float32(math.Cos(a)), float32(math.Sin(a))
		}
	}
	return b.Values(t, rows, dim)
}
