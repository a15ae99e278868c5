package devicetest

import (
	"fmt"
	"math"

	"handful/core/graph"
	"handful/core/tensor"
)

// blockCases run whole transformer layers with routed adapters, forwards and
// back: what the plan fuses and where slots are shared.
func blockCases() (cs []Case) {
	for i, s := range []struct {
		tasks, q, skills, rank int
		dt                     tensor.DType
		lens                   []int
	}{
		{1, 1, 3, 2, tensor.F32, []int{1}},
		{2, 4, 8, 4, tensor.Q4_1, []int{7, 33, 20}},
		{3, 2, 2, 1, tensor.BF16, []int{65, 3, 1, 30}},
	} {
		tol := Tolerance{Rel: 1e-3, Abs: 1e-4, Scale: 0.1}
		cs = append(cs, compare(fmt.Sprintf("adapted layers %d, %v", i, s.dt), tol, func(b *Build) []*graph.Node {
			r := causal("", i, s.lens...)
			return b.Grads(layers(b, b.Weight, r, s.tasks, s.q, s.skills, s.rank, s.dt))
		}))
		cs = append(cs, compare(fmt.Sprintf("trained layers %d", i), tol, func(b *Build) []*graph.Node {
			r := causal("", i, s.lens...)
			return b.Grads(layers(b, b.trained, r, s.tasks, s.q, s.skills, s.rank, tensor.F32))
		}))
	}
	return cs
}

// trained is a weight that is trained, as Weight is a frozen one.
func (b *Build) trained(_ tensor.DType, shape ...int) *graph.Node {
	return b.ParamOf(b.Normal(tensor.Numel(shape), 1/math.Sqrt(float64(shape[len(shape)-1]))), shape...)
}

// layers is two Llama layers (hidden 64, 4/2 heads of 16, ffn 96, vocabulary
// 160) whose q and down projections carry mixed adapters, up to the loss rows.
// weight makes each of the base's weights, of which the table is the head too.
func layers(b *Build, weight func(tensor.DType, ...int) *graph.Node, r ragged, tasks, q, skills, rank int, dt tensor.DType) *graph.Node {
	const hidden, ffn, vocab, dim = 64, 96, 160, 16
	n := len(r.span)
	a := graph.AttentionAttr{Heads: 4, KVHeads: 2, Dim: dim, Scale: 0.25}
	span, back, slot := b.Pairs(r.span), b.Pairs(r.back), b.Ints(b.Slots(n, tasks)...)
	pos, table := b.Ints(b.Below(n, 70)...), b.angles(70, dim)
	norm := func(x *graph.Node) *graph.Node { return graph.RMSNorm(x, weight(tensor.F32, hidden), 1e-5) }
	small := func(shape ...int) *graph.Node {
		return b.ParamOf(b.Normal(tensor.Numel(shape), 0.2), shape...)
	}
	z := b.Param(tasks, q*skills)
	w := graph.RouterNorm(z, q, skills)
	adapted := func(x *graph.Node, out int) *graph.Node {
		in := x.Shape[1]
		ma, mb := graph.Mix(w, small(q, skills, in/q, rank), 0), graph.Mix(w, small(q, skills, rank, out/q), 1)
		return graph.Add(graph.Linear(x, weight(dt, out, in)), graph.Routed(graph.Routed(x, ma, slot, 1), mb, slot, 1/float32(rank)))
	}
	embed := weight(tensor.Q8_0, vocab, hidden)
	x := graph.Gather(embed, b.Ints(b.Slots(n, vocab)...))
	for range 2 {
		h := norm(x)
		query := graph.Rope(adapted(h, 4*dim), table, pos, dim)
		key := graph.Rope(graph.Linear(h, weight(dt, 2*dim, hidden)), table, pos, dim)
		value := graph.Linear(h, weight(dt, 2*dim, hidden))
		y := graph.Attention(query, key, value, span, back, a)
		x = graph.Add(x, graph.Linear(y, weight(dt, hidden, 4*dim)))
		h = norm(x)
		gate, up := graph.Linear(h, weight(dt, ffn, hidden)), graph.Linear(h, weight(dt, ffn, hidden))
		x = graph.Add(x, adapted(graph.GatedAct(gate, up, graph.SiLU), hidden))
	}
	labelled := b.Ints(b.Below(max(1, n/3), n)...)
	logits := graph.Linear(graph.Gather(norm(x), labelled), embed)
	return graph.CrossEntropy(logits, b.Ints(b.Below(logits.Rows(), vocab)...))
}
