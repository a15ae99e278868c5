package graph

import "handful/core/tensor"

// KindAttention is softmax attention over key ranges. With head h of query i
// reading kv-head h·K/H:
//
//	p[i,h,j] = softmax over j in [span[i,0], span[i,1]) of scale·q[i,h]·k[j]
//	y[i,h] = Σ_j p[i,h,j] v[j]                 (an empty span gives zeros)
//
// q [n, H·D], k, v [m, K·D], span I32 [n, 2] → y [n, H·D]; Attr is
// AttentionAttr. One op serves causal, bidirectional and cross attention and
// the key/value cache: only spans differ. For gradients, back I32 [m, 2] is
// the range of queries whose spans hold key j (all of them must).
//
// The backward works from two numbers per query and head, KindAttentionStats
// [n, H, 2]: lse = log Σ_j exp(scale·q·k_j) and δ = dy[i,h]·y[i,h]. With
// p = exp(scale·q·k − lse), ds = p·(dy·v_j − δ):
//
//	dq[i] = scale·Σ_j ds·k_j   dk[j] = scale·Σ_{i,h} ds·q_i   dv[j] = Σ_{i,h} p·dy_i
const (
	KindAttention      Kind = "Attention"
	KindAttentionStats Kind = "AttentionStats" // In: q, k, y, dy, span → [n, H, 2]
	KindAttentionGradQ Kind = "AttentionGradQ" // In: q, k, v, dy, stats, span → [n, H·D]
	KindAttentionGradK Kind = "AttentionGradK" // In: q, k, v, dy, stats, back → [m, K·D]
	KindAttentionGradV Kind = "AttentionGradV" // In: q, k, dy, stats, back → [m, K·D]
)

// AttentionAttr is the attribute of the attention ops: H query heads, K
// key/value heads (K divides H) of D columns each.
type AttentionAttr struct {
	Heads, KVHeads, Dim int
	Scale               float32
	Bias                Bias
}

// Bias is what AttentionBias adds to the scores; the zero value is none.
// table is F32 [H, Width]: the score of query i, head h and key j gains
//
//	table[h, clamp(j − self(i) + Zero, 0, Width−1)]
//
// where self(i), the key that stands where the query does, is the last that it
// sees if Causal, and else row i: T5's relative position bias, its buckets
// written out by distance.
type Bias struct {
	Width, Zero int
	Causal      bool
}

// Attention attends from q to k and v within spans; back may be nil where no
// gradient is asked for.
func Attention(q, k, v, span, back *Node, a AttentionAttr) *Node {
	ok := len(q.Shape) == 2 && len(k.Shape) == 2 && sameShape(k, v) && q.Shape[1] == a.Heads*a.Dim &&
		k.Shape[1] == a.KVHeads*a.Dim && a.KVHeads > 0 && a.Heads%a.KVHeads == 0
	want(KindAttention, ok, "q %v, k %v, v %v, heads %d/%d of %d", q.Shape, k.Shape, v.Shape, a.Heads, a.KVHeads, a.Dim)
	isSpan := func(s *Node, n int) bool {
		return s.DType == tensor.I32 && len(s.Shape) == 2 && s.Shape[0] == n && s.Shape[1] == 2
	}
	want(KindAttention, isSpan(span, q.Shape[0]), "span %v, want I32 [%d 2]", span.Shape, q.Shape[0])
	in := []*Node{q, k, v, span}
	if back != nil {
		want(KindAttention, isSpan(back, k.Shape[0]), "back %v, want I32 [%d 2]", back.Shape, k.Shape[0])
		in = append(in, back)
	}
	return q.g.add(KindAttention, a, q.Shape, in...)
}

// AttentionBias is Attention with a bias of table [H, bias.Width] in the scores,
// which is frozen: it has no gradient. For gradients of the others queries and
// keys must be the same rows, and a causal query i must see key i last.
func AttentionBias(q, k, v, table, span, back *Node, a AttentionAttr, bias Bias) *Node {
	want(KindAttention, table.DType == tensor.F32 && len(table.Shape) == 2 && table.Shape[0] == a.Heads && table.Shape[1] == bias.Width && bias.Width > 0,
		"table %v, want F32 [%d %d]", table.Shape, a.Heads, bias.Width)
	want(KindAttention, sameRows(q, k) || bias.Causal && back == nil, "%d queries and %d keys, want the same rows", q.Shape[0], k.Shape[0])
	n := Attention(q, k, v, span, back, a)
	a.Bias = bias
	return q.g.add(KindAttention, a, n.Shape, append(n.In[:len(n.In):len(n.In)], table)...)
}

func sameRows(a, b *Node) bool { return a.Shape[0] == b.Shape[0] }

// KindAttentionSkip is KindAttention without the keys in [skip[i,0],
// skip[i,1]): answers that share a prompt lie one after the other behind it, and
// each sees the prompt and itself but not its neighbours. In: q, k, v, span,
// skip I32 [n, 2], and back for gradients: the queries that see a key of the
// prompt are all those behind it in its group, those that see a key of an
// answer are the answer's, so one range tells them without a skip. On the way
// back only the sums over keys leave the skipped ones out.
const (
	KindAttentionSkip      Kind = "AttentionSkip"
	KindAttentionSkipStats Kind = "AttentionSkipStats" // AttentionStats' inputs, then skip
	KindAttentionSkipGradQ Kind = "AttentionSkipGradQ" // AttentionGradQ's inputs, then skip
)

// AttentionSkip attends within spans except for the skipped ranges; back may
// be nil where no gradient is asked for.
func AttentionSkip(q, k, v, span, skip, back *Node, a AttentionAttr) *Node {
	n := Attention(q, k, v, span, back, a)
	want(KindAttentionSkip, skip.DType == tensor.I32 && sameShape(skip, span), "skip %v, want I32 %v", skip.Shape, span.Shape)
	in := append([]*Node{q, k, v, span, skip}, n.In[4:]...)
	return q.g.add(KindAttentionSkip, a, n.Shape, in...)
}

// KindRope rotates pairs (x[i], x[i+D/2]) of each head by the angles of
// pos[n]: HF's half-split rotary embedding. x [n, H·D], table F32 [P, D] (D/2
// cosines then D/2 sines per position, from the host), pos I32 [n].
//
//	y1 = x1·c − x2·s,  y2 = x2·c + x1·s;  backward: the same with s negated.
const KindRope Kind = "Rope"

// RopeAttr is the attribute of KindRope.
type RopeAttr struct {
	Dim     int  // D, columns per head
	Inverse bool // rotate back: the gradient
}

// Rope rotates x's heads of dim columns to their positions.
func Rope(x, table, pos *Node, dim int) *Node {
	want(KindRope, len(x.Shape) == 2 && x.Shape[1]%dim == 0 && dim%2 == 0 && len(table.Shape) == 2 && table.Shape[1] == dim && isIndex(pos, x.Shape[0]),
		"x %v, table %v, pos %v, head dim %d", x.Shape, table.Shape, pos.Shape, dim)
	return x.g.add(KindRope, RopeAttr{Dim: dim}, x.Shape, x, table, pos)
}

func init() {
	registerVJP(KindAttention, attentionVJP(4, KindAttentionStats, KindAttentionGradQ))
	registerVJP(KindAttentionSkip, attentionVJP(5, KindAttentionSkipStats, KindAttentionSkipGradQ))
	registerVJP(KindRope, func(n, dy *Node, need []bool) []*Node {
		a := n.Attr.(RopeAttr)
		a.Inverse = !a.Inverse
		return []*Node{n.g.add(KindRope, a, n.Shape, dy, n.In[1], n.In[2]), nil, nil}
	})
}

// attentionVJP is the derivative of an attention whose input at is back; stats
// and gradQ get what stands between span and back, and all get the bias.
func attentionVJP(at int, stats, gradQ Kind) VJP {
	return func(n, dy *Node, need []bool) []*Node {
		a, in := n.Attr.(AttentionAttr), n.In
		var bias []*Node
		if a.Bias.Width > 0 {
			last := len(in) - 1
			want(n.Kind, !need[last], "the bias wants a gradient and has none")
			in, bias = in[:last], in[last:]
		}
		q, k, v, spans := in[0], in[1], in[2], in[3:at]
		want(n.Kind, len(in) > at || !need[1] && !need[2], "keys or values want a gradient but back is nil")
		node := func(kind Kind, shape []int, in []*Node, more ...*Node) *Node {
			return n.g.add(kind, a, shape, append(append(in, more...), bias...)...)
		}
		st := node(stats, []int{q.Shape[0], a.Heads, 2}, []*Node{q, k, n, dy}, spans...)
		out := make([]*Node, len(n.In))
		if need[0] {
			out[0] = node(gradQ, q.Shape, []*Node{q, k, v, dy, st}, spans...)
		}
		if need[1] {
			out[1] = node(KindAttentionGradK, k.Shape, []*Node{q, k, v, dy, st}, in[at])
		}
		if need[2] {
			out[2] = node(KindAttentionGradV, k.Shape, []*Node{q, k, dy, st}, in[at])
		}
		return out
	}
}
