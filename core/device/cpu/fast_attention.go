package cpu

import (
	"math"

	"handful/core/graph"
)

// The fast attention works in blocks: queries (or keys, on the way back) that
// stand together and look at overlapping ranges share products over the union
// of their ranges, and entries outside a range are set to zero. One segment of
// a ragged batch is one block, or a few.

// unseen is the score of a key that a query does not see: its exp is 0.
const unseen = -1e30

// blockRows bounds the rows of a block.
const blockRows = 64

// block is rows [lo, hi) that look at columns [from, to).
type block struct{ lo, hi, from, to int }

// blocks cuts rows into blocks by their ranges. Rows with an empty range stand
// alone in a block of no columns.
func blocks(sp []int32, cols int, list []block) []block {
	list = list[:0]
	for i := 0; i < len(sp)/2; i++ {
		a, b := span(sp, i, cols)
		if a >= b {
			a, b = 0, 0
		}
		if n := len(list); n > 0 {
			l := &list[n-1]
			if i-l.lo < blockRows && a < l.to && b > l.from || a == b && l.from == l.to {
				l.hi, l.from, l.to = i+1, min(l.from, a), max(l.to, b)
				continue
			}
		}
		list = append(list, block{i, i + 1, a, b})
	}
	return list
}

// scores is one worker's scratch: a block's scores and their gradients.
type scores struct{ s, ds []float32 }

// wantScores sees that there is room for the scores of a block with so many
// columns, [blockRows, cols]. Steps run one after the other: one serves all.
func (d *Device) wantScores(cols int) {
	if n := blockRows * cols; d.scores == nil || n > len(d.scores[0].s) {
		d.scores = make([]scores, workers())
		for w := range d.scores {
			d.scores[w] = scores{make([]float32, n), make([]float32, n)}
		}
	}
}

func fastAttention(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	a, b := attnOf(n, in), d.blas
	q, k, v, sp, m := in[0].f, in[1].f, in[2].f, in[3].i, in[1].rows()
	skip := skipOf(n, in)
	d.wantScores(m)
	list := make([]block, 0, len(sp)/2)
	return func() {
		list = blocks(sp, m, list)
		parallelWorkers(len(list)*a.Heads, func(w, job int) {
			bl, h := list[job/a.Heads], job%a.Heads
			rows, cols, kv := bl.hi-bl.lo, bl.to-bl.from, h/a.group*a.Dim
			s := d.scores[w].s[:rows*cols]
			y := out.f[bl.lo*a.qc+h*a.Dim:]
			if cols == 0 {
				for i := 0; i < rows; i++ {
					clear(y[i*a.qc:][:a.Dim])
				}
				return
			}
			b.nt(rows, cols, a.Dim, a.Scale, q[bl.lo*a.qc+h*a.Dim:], a.qc, k[bl.from*a.kc+kv:], a.kc, false, s, cols)
			for i := 0; i < rows; i++ {
				lo, hi := span(sp, bl.lo+i, m)
				r := s[i*cols : (i+1)*cols]
				lo, hi = lo-bl.from, hi-bl.from
				if lo >= hi {
					clear(r)
					continue
				}
				clear(r[:lo])
				clear(r[hi:])
				a.addBias(r[lo:hi], h, bl.from+lo-a.self(sp, bl.lo+i))
				hide(r, skip, bl.lo+i, bl.from, lo, hi, m)
				r = r[lo:hi]
				most := maxOf(r)
				if most == unseen {
					clear(r)
					continue
				}
				c := 1 / b.expSum(r, r, most)
				for j := range r {
					r[j] *= c
				}
			}
			b.nn(rows, a.Dim, cols, 1, s, cols, v[bl.from*a.kc+kv:], a.kc, false, y, a.qc)
		})
	}
}

// hide marks the keys of a row of scores that query i skips; the row's first
// column is key from, and keys lo to hi of it count.
func hide(r []float32, skip []int32, i, from, lo, hi, m int) {
	if skip == nil {
		return
	}
	a, b := span(skip, i, m)
	for j := max(a-from, lo); j < min(b-from, hi); j++ {
		r[j] = unseen
	}
}

func fastAttentionStats(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	a, b := attnOf(n, in), d.blas
	q, k, y, dy, sp, m := in[0].f, in[1].f, in[2].f, in[3].f, in[4].i, in[1].rows()
	skip := skipOf(n, in)
	d.wantScores(m)
	list := make([]block, 0, len(sp)/2)
	return func() {
		list = blocks(sp, m, list)
		parallelWorkers(len(list)*a.Heads, func(w, job int) {
			bl, h := list[job/a.Heads], job%a.Heads
			rows, cols := bl.hi-bl.lo, bl.to-bl.from
			s := d.scores[w].s[:rows*cols]
			if cols > 0 {
				b.nt(rows, cols, a.Dim, a.Scale, q[bl.lo*a.qc+h*a.Dim:], a.qc, k[bl.from*a.kc+h/a.group*a.Dim:], a.kc, false, s, cols)
			}
			for i := 0; i < rows; i++ {
				at := 2 * ((bl.lo+i)*a.Heads + h)
				out.f[at], out.f[at+1] = 0, dot32(a.q(y, bl.lo+i, h), a.q(dy, bl.lo+i, h))
				lo, hi := span(sp, bl.lo+i, m)
				if lo >= hi {
					continue
				}
				r := s[i*cols : (i+1)*cols]
				a.addBias(r[lo-bl.from:hi-bl.from], h, lo-a.self(sp, bl.lo+i))
				hide(r, skip, bl.lo+i, bl.from, lo-bl.from, hi-bl.from, m)
				r = r[lo-bl.from : hi-bl.from]
				most := maxOf(r)
				if most == unseen {
					continue
				}
				out.f[at] = most + float32(math.Log(float64(b.expSum(r, r, most))))
			}
		})
	}
}

func fastAttentionGradQ(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	a, b := attnOf(n, in), d.blas
	q, k, v, dy, stats, sp, m := in[0].f, in[1].f, in[2].f, in[3].f, in[4].f, in[5].i, in[1].rows()
	skip := skipOf(n, in)
	d.wantScores(m)
	list := make([]block, 0, len(sp)/2)
	return func() {
		list = blocks(sp, m, list)
		parallelWorkers(len(list)*a.Heads, func(w, job int) {
			bl, h := list[job/a.Heads], job%a.Heads
			rows, cols, kv := bl.hi-bl.lo, bl.to-bl.from, h/a.group*a.Dim
			s, ds := d.scores[w].s[:rows*cols], d.scores[w].ds[:rows*cols]
			qa := bl.lo*a.qc + h*a.Dim
			if cols == 0 {
				for i := 0; i < rows; i++ {
					clear(out.f[qa+i*a.qc:][:a.Dim])
				}
				return
			}
			b.nt(rows, cols, a.Dim, a.Scale, q[qa:], a.qc, k[bl.from*a.kc+kv:], a.kc, false, s, cols)
			b.nt(rows, cols, a.Dim, 1, dy[qa:], a.qc, v[bl.from*a.kc+kv:], a.kc, false, ds, cols)
			for i := 0; i < rows; i++ {
				lo, hi := span(sp, bl.lo+i, m)
				at := 2 * ((bl.lo+i)*a.Heads + h)
				if lo < hi {
					a.addBias(s[i*cols+lo-bl.from:i*cols+hi-bl.from], h, lo-a.self(sp, bl.lo+i))
				}
				hide(s[i*cols:(i+1)*cols], skip, bl.lo+i, bl.from, lo-bl.from, hi-bl.from, m)
				scoreGrad(b, s[i*cols:(i+1)*cols], ds[i*cols:(i+1)*cols], lo-bl.from, hi-bl.from, stats[at], stats[at+1], a.Scale)
			}
			b.nn(rows, a.Dim, cols, 1, ds, cols, k[bl.from*a.kc+kv:], a.kc, false, out.f[qa:], a.qc)
		})
	}
}

// scoreGrad turns a row of scores and of dy·v into ds = p·(dy·v − δ)·scale
// within [lo, hi) and zero outside; s becomes p.
func scoreGrad(b products, s, ds []float32, lo, hi int, lse, delta, scale float32) {
	if lo >= hi {
		clear(s)
		clear(ds)
		return
	}
	clear(s[:lo])
	clear(s[hi:])
	clear(ds[:lo])
	clear(ds[hi:])
	p, g := s[lo:hi], ds[lo:hi]
	b.expSum(p, p, lse)
	if len(g) == 1 {
		g[0] = 0 // see keysSeen
		return
	}
	for j := range g {
		g[j] = p[j] * (g[j] - delta) * scale
	}
}

func fastAttentionGradK(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	return fastAttentionBack(d, attnOf(n, in), in[0].f, in[1].f, in[2].f, in[3].f, in[4].f, in[5].i, in[0].rows(), out)
}

func fastAttentionGradV(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	return fastAttentionBack(d, attnOf(n, in), in[0].f, in[1].f, nil, in[2].f, in[3].f, in[4].i, in[0].rows(), out)
}

// fastAttentionBack is dk (v given) or dv (v nil): rows are keys, columns the
// queries that see them, so all products are transposed.
func fastAttentionBack(d *Device, a attn, q, k, v, dy, stats []float32, back []int32, queries int, out *buf) func() {
	d.wantScores(queries)
	b := d.blas
	list := make([]block, 0, len(back)/2)
	seen := make([]int32, queries)
	return func() {
		list = blocks(back, queries, list)
		keysSeen(seen, back)
		parallelWorkers(len(list)*a.KVHeads, func(w, job int) {
			bl, kh := list[job/a.KVHeads], job%a.KVHeads
			rows, cols := bl.hi-bl.lo, bl.to-bl.from
			ka := bl.lo*a.kc + kh*a.Dim
			if cols == 0 {
				for j := 0; j < rows; j++ {
					clear(out.f[ka+j*a.kc:][:a.Dim])
				}
				return
			}
			s, ds := d.scores[w].s[:rows*cols], d.scores[w].ds[:rows*cols]
			for h := kh * a.group; h < (kh+1)*a.group; h++ {
				qa, first := bl.from*a.qc+h*a.Dim, h == kh*a.group
				b.nt(rows, cols, a.Dim, a.Scale, k[ka:], a.kc, q[qa:], a.qc, false, s, cols)
				if v != nil {
					b.nt(rows, cols, a.Dim, 1, v[ka:], a.kc, dy[qa:], a.qc, false, ds, cols)
				}
				for j := 0; j < rows; j++ {
					lo, hi := span(back, bl.lo+j, queries)
					p := s[j*cols : (j+1)*cols]
					for i := range p {
						at := 2 * ((bl.from+i)*a.Heads + h)
						if i+bl.from < lo || i+bl.from >= hi {
							p[i], ds[j*cols+i] = 0, 0
							continue
						}
						p[i] += a.bias(h, bl.lo+j-bl.from-i) - stats[at]
					}
					if lo, hi = lo-bl.from, hi-bl.from; lo < hi {
						b.expSum(p[lo:hi], p[lo:hi], 0)
					}
					for i := max(lo, 0); v != nil && i < hi; i++ {
						at := 2 * ((bl.from+i)*a.Heads + h)
						ds[j*cols+i] = p[i] * (ds[j*cols+i] - stats[at+1]) * a.Scale
						if seen[bl.from+i] == 1 {
							ds[j*cols+i] = 0
						}
					}
				}
				if v != nil {
					b.nn(rows, a.Dim, cols, 1, ds, cols, q[qa:], a.qc, !first, out.f[ka:], a.kc)
				} else {
					b.nn(rows, a.Dim, cols, 1, s, cols, dy[qa:], a.qc, !first, out.f[ka:], a.kc)
				}
			}
		})
	}
}
