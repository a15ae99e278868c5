package cpu

import (
	"math"

	"handful/core/graph"
)

// attn is the view of q, k, v that the attention kernels share.
type attn struct {
	graph.AttentionAttr
	group int       // query heads per key/value head
	qc    int       // columns of q, kc of k and v
	kc    int       //
	table []float32 // of the bias, [Heads, Width]; nil: none
}

func attnOf(n *graph.Node, in []*buf) attn {
	a := n.Attr.(graph.AttentionAttr)
	v := attn{AttentionAttr: a, group: a.Heads / a.KVHeads, qc: a.Heads * a.Dim, kc: a.KVHeads * a.Dim}
	if a.Bias.Width > 0 {
		v.table = in[len(in)-1].f
	}
	return v
}

// self is the key that stands where query i does, by its span.
func (a *attn) self(sp []int32, i int) int {
	if a.Bias.Causal {
		return int(sp[2*i+1]) - 1
	}
	return i
}

// bias is what a key gains that stands dist behind the query; before it, dist
// is negative.
func (a *attn) bias(h, dist int) float32 {
	if a.table == nil {
		return 0
	}
	return a.table[h*a.Bias.Width+min(max(dist+a.Bias.Zero, 0), a.Bias.Width-1)]
}

// addBias adds the bias to a row of scores whose first key stands dist behind
// the query.
func (a *attn) addBias(r []float32, h, dist int) {
	if a.table == nil {
		return
	}
	t, first := a.table[h*a.Bias.Width:][:a.Bias.Width], dist+a.Bias.Zero
	j := 0
	for ; j < len(r) && first+j < 0; j++ {
		r[j] += t[0]
	}
	for ; j < len(r) && first+j < len(t); j++ {
		r[j] += t[first+j]
	}
	for ; j < len(r); j++ {
		r[j] += t[len(t)-1]
	}
}

// q is query i's head h; k is the key/value row j that head h reads.
func (a *attn) q(x []float32, i, h int) []float32 { return x[i*a.qc+h*a.Dim:][:a.Dim] }
func (a *attn) k(x []float32, j, h int) []float32 { return x[j*a.kc+h/a.group*a.Dim:][:a.Dim] }

func (a *attn) score(q, k []float32, i, self, j, h int) float64 {
	return float64(a.Scale)*dot64(a.q(q, i, h), a.k(k, j, h)) + float64(a.bias(h, j-self))
}

// span clips range i of spans to [0, n).
func span(s []int32, i, n int) (lo, hi int) {
	return max(0, int(s[2*i])), min(n, int(s[2*i+1]))
}

// keysSeen counts the keys that each query sees. A softmax over one key is
// constant, so its gradient is 0; computed as dy·v − δ it would be a rounding
// error, which Adam makes into a whole step where nothing else adds to it.
func keysSeen(seen, back []int32) {
	clear(seen)
	for j := range len(back) / 2 {
		lo, hi := span(back, j, len(seen))
		for i := lo; i < hi; i++ {
			seen[i]++
		}
	}
}

func refAttention(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := attnOf(n, in)
	q, k, v, sp, m := in[0].f, in[1].f, in[2].f, in[3].i, in[1].rows()
	skipped := skips(n, in)
	p := make([]float64, m)
	sum := make([]float64, a.Dim)
	return func() {
		for i := 0; i < out.rows(); i++ {
			lo, hi := span(sp, i, m)
			for h := 0; h < a.Heads; h++ {
				y := a.q(out.f, i, h)
				if lo >= hi {
					clear(y)
					continue
				}
				most, total := math.Inf(-1), 0.0
				for j := lo; j < hi; j++ {
					if !skipped(i, j) {
						p[j] = a.score(q, k, i, a.self(sp, i), j, h)
						most = math.Max(most, p[j])
					}
				}
				clear(sum)
				for j := lo; j < hi; j++ {
					if skipped(i, j) {
						continue
					}
					e := math.Exp(p[j] - most)
					total += e
					for d, x := range a.k(v, j, h) {
						sum[d] += e * float64(x)
					}
				}
				for d := range y {
					if y[d] = 0; total > 0 {
						y[d] = float32(sum[d] / total)
					}
				}
			}
		}
	}
}

// skipOf are the ranges of keys that queries must not see; nil: none.
func skipOf(n *graph.Node, in []*buf) []int32 {
	switch n.Kind {
	case graph.KindAttentionSkip:
		return in[4].i
	case graph.KindAttentionSkipStats:
		return in[5].i
	case graph.KindAttentionSkipGradQ:
		return in[6].i
	}
	return nil
}

// skips tells whether query i must not see key j.
func skips(n *graph.Node, in []*buf) func(i, j int) bool {
	s := skipOf(n, in)
	return func(i, j int) bool { return s != nil && j >= int(s[2*i]) && j < int(s[2*i+1]) }
}

func refAttentionStats(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := attnOf(n, in)
	q, k, y, dy, sp, m := in[0].f, in[1].f, in[2].f, in[3].f, in[4].i, in[1].rows()
	skipped := skips(n, in)
	p := make([]float32, m)
	return func() {
		for i := 0; i < in[0].rows(); i++ {
			lo, hi := span(sp, i, m)
			for h := 0; h < a.Heads; h++ {
				at := 2 * (i*a.Heads + h)
				out.f[at], out.f[at+1] = 0, float32(dot64(a.q(y, i, h), a.q(dy, i, h)))
				seen := p[:0]
				for j := lo; j < hi; j++ {
					if !skipped(i, j) {
						seen = append(seen, float32(a.score(q, k, i, a.self(sp, i), j, h)))
					}
				}
				if len(seen) > 0 {
					out.f[at] = float32(logSumExp(seen))
				}
			}
		}
	}
}

// pair gives p and ds of query i, head h and key j.
func (a *attn) pair(q, k, v, dy, stats []float32, i, self, j, h int) (p, ds float64) {
	at := 2 * (i*a.Heads + h)
	p = math.Exp(a.score(q, k, i, self, j, h) - float64(stats[at]))
	if v != nil {
		ds = p * (dot64(a.q(dy, i, h), a.k(v, j, h)) - float64(stats[at+1])) * float64(a.Scale)
	}
	return p, ds
}

func refAttentionGradQ(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := attnOf(n, in)
	q, k, v, dy, stats, sp, m := in[0].f, in[1].f, in[2].f, in[3].f, in[4].f, in[5].i, in[1].rows()
	skipped := skips(n, in)
	sum := make([]float64, a.Dim)
	return func() {
		for i := 0; i < out.rows(); i++ {
			lo, hi := span(sp, i, m)
			for h := 0; h < a.Heads; h++ {
				clear(sum)
				for j := lo; j < hi && hi-lo > 1; j++ { // one key: see keysSeen
					if skipped(i, j) {
						continue
					}
					_, ds := a.pair(q, k, v, dy, stats, i, a.self(sp, i), j, h)
					for d, x := range a.k(k, j, h) {
						sum[d] += ds * float64(x)
					}
				}
				for d, y := 0, a.q(out.f, i, h); d < a.Dim; d++ {
					y[d] = float32(sum[d])
				}
			}
		}
	}
}

func refAttentionGradK(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	return refAttentionBack(attnOf(n, in), in[0].f, in[1].f, in[2].f, in[3].f, in[4].f, in[5].i, in[0].rows(), out)
}

func refAttentionGradV(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	return refAttentionBack(attnOf(n, in), in[0].f, in[1].f, nil, in[2].f, in[3].f, in[4].i, in[0].rows(), out)
}

// refAttentionBack is dk (v given) or dv (v nil): for key j, the sum over the
// queries that see it.
func refAttentionBack(a attn, q, k, v, dy, stats []float32, back []int32, queries int, out *buf) func() {
	sum := make([]float64, a.Dim)
	seen := make([]int32, queries)
	return func() {
		keysSeen(seen, back)
		for j := 0; j < out.rows(); j++ {
			lo, hi := span(back, j, queries)
			for kh := 0; kh < a.KVHeads; kh++ {
				clear(sum)
				for h := kh * a.group; h < (kh+1)*a.group; h++ {
					for i := lo; i < hi; i++ {
						w, ds := a.pair(q, k, v, dy, stats, i, i, j, h)
						src := dy
						if v != nil && seen[i] == 1 {
							continue
						}
						if v != nil {
							w, src = ds, q
						}
						for d, x := range a.q(src, i, h) {
							sum[d] += w * float64(x)
						}
					}
				}
				for d := range sum {
					out.f[j*a.kc+kh*a.Dim+d] = float32(sum[d])
				}
			}
		}
	}
}
