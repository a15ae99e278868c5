package gpu

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gogpu/wgpu"

	"handful/core/graph"
)

// attention binds what each variant of attention.wgsl reads: q, k, v, span,
// dy, y, stats, output, and skip or the bias. That is eight at most, which every
// adapter can bind.
func (p *program) attention(ctx context.Context, n *graph.Node, in []*value, out *value) {
	a := n.Attr.(graph.AttentionAttr)
	rows, keys := in[0].shape[0], in[1].shape[0]
	var fl []string
	bs := make([]*wgpu.Buffer, 9)
	set := func(at int, v *value) { bs[at] = buf(v) }
	set(0, in[0])
	set(1, in[1])
	set(7, out)
	threads := rows * a.Heads
	switch n.Kind {
	case graph.KindAttention, graph.KindAttentionSkip:
		fl = []string{"FORWARD", "V"}
		set(2, in[2])
		set(3, in[3])
	case graph.KindAttentionStats, graph.KindAttentionSkipStats:
		fl = []string{"MAKESTATS", "DY", "OUT"}
		set(5, in[2])
		set(4, in[3])
		set(3, in[4])
	case graph.KindAttentionGradQ, graph.KindAttentionSkipGradQ:
		fl = []string{"V", "DY", "STATS", "GRADQ"}
		set(2, in[2])
		set(4, in[3])
		set(6, in[4])
		set(3, in[5])
	case graph.KindAttentionGradK:
		fl = []string{"V", "DY", "STATS", "BACK"}
		set(2, in[2])
		set(4, in[3])
		set(6, in[4])
		set(3, in[5])
		threads = keys * a.KVHeads
	default:
		fl = []string{"DY", "STATS", "BACK"}
		set(4, in[2])
		set(6, in[3])
		set(3, in[4])
		threads = keys * a.KVHeads
	}
	switch n.Kind {
	case graph.KindAttentionSkip:
		fl = append(fl, "SKIP")
		set(8, in[4])
	case graph.KindAttentionSkipStats, graph.KindAttentionSkipGradQ:
		fl = append(fl, "SKIP")
		set(8, in[len(in)-1])
	}
	causal := 0
	if a.Bias.Width > 0 {
		fl = append(fl, "BIAS")
		set(8, in[len(in)-1])
		if a.Bias.Causal {
			causal = 1
		}
	}
	width := a.Dim
	if a.Dim%4 == 0 {
		fl = append(fl, "VEC")
		width /= 4
	}
	v := flags(fl...)
	v["D"], v["U"] = strconv.Itoa(a.Dim), strconv.Itoa(unrolled(width))
	v["MODE"] = fmt.Sprint(n.Kind)
	kinds := []byte("---------u")
	for i, b := range bs {
		if b != nil {
			kinds[i] = 'r'
		}
	}
	kinds[7] = 'w'
	p.add(p.kernel(ctx, "attention", string(kinds), v), threads, 64, []any{rows, keys, a.Heads, a.KVHeads, a.Scale, a.Bias.Width, a.Bias.Zero, causal}, bs...)
}

// unrolled is how many rounds the innermost loop over a head's width has, a
// divisor of it: so few that drivers write them all out.
func unrolled(width int) int {
	for u := min(width, 16); ; u-- {
		if width%u == 0 {
			return u
		}
	}
}
