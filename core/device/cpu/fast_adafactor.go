package cpu

import (
	"math"

	"handful/core/graph"
)

// fastAdafactor is graph.KindAdafactor, block by block in parallel: averages
// and sums first, then the update. Squares stay in float32, sums are float64.
func fastAdafactor(_ *Device, n *graph.Node, in []*buf, _ *buf) func() {
	a := n.Attr.(graph.AdafactorAttr)
	f := adafactor{AdafactorAttr: a, p: in[0].f, row: in[1].f}
	rest := in[2:]
	if a.Factored {
		f.col, rest = rest[0].f, rest[1:]
		f.sum = make([]float32, len(f.col))
	}
	f.g = rest[0].f
	norm, h := rest[1].f, rest[2].f
	least := 1 + 1<<14/(a.Rows*a.Cols)
	pp, uu := make([]float64, a.Blocks), make([]float64, a.Blocks)
	return func() {
		if norm[0]-norm[0] != 0 {
			return // not finite: stay at the last good step
		}
		lr, wd, beta, threshold := h[0], h[1], h[2], h[5]
		c := float32(1)
		if h[4] > 0 {
			c = min(1, h[4]/(norm[0]+1e-6))
		}
		parallel(a.Blocks, least, func(lo, hi int) {
			for b := lo; b < hi; b++ {
				f.average(b, c, beta, h[6])
				pp[b], uu[b] = f.sums(b, c)
			}
		})
		ps, us, size := 0.0, 0.0, float64(len(f.p))
		for b := range pp {
			ps += pp[b]
			us += uu[b]
		}
		if h[3] != 0 {
			lr *= max(h[7], float32(math.Sqrt(ps/size)))
		}
		by := lr * c / max(1, float32(math.Sqrt(us/size))/threshold)
		parallel(a.Blocks, least, func(lo, hi int) {
			for b := lo; b < hi; b++ {
				f.each(b, func(i int, v float32) { f.p[i] = f.p[i]*(1-wd*lr) - by*(f.g[i]*v) })
			}
		})
	}
}

// adafactor is a tensor with its averages; col and sum (scratch of col's size)
// are nil for a vector.
type adafactor struct {
	graph.AdafactorAttr
	p, g, row, col, sum []float32
}

// average moves block b's averages towards the squares of c·g.
func (f *adafactor) average(b int, c, beta, eps float32) {
	var col, sum []float32
	if f.Factored {
		col, sum = f.col[b*f.Cols:(b+1)*f.Cols], f.sum[b*f.Cols:(b+1)*f.Cols]
		clear(sum)
	}
	for r := b * f.Rows; r < (b+1)*f.Rows; r++ {
		total := float32(0)
		for k, x := range f.g[r*f.Cols : (r+1)*f.Cols] {
			s := (c*x)*(c*x) + eps
			total += s
			if sum != nil {
				sum[k] += s
			}
		}
		f.row[r] = beta*f.row[r] + (1-beta)*(total/float32(f.Cols))
	}
	for k := range col {
		col[k] = beta*col[k] + (1-beta)*(sum[k]/float32(f.Rows))
	}
}

// sums are Σ p² and Σ u² of block b.
func (f *adafactor) sums(b int, c float32) (p, u float64) {
	f.each(b, func(i int, v float32) {
		x, y := float64(f.p[i]), float64(c*f.g[i]*v)
		p += x * x
		u += y * y
	})
	return p, u
}

// each gives every element of block b with 1/√v, v its estimate of g².
func (f *adafactor) each(b int, use func(i int, v float32)) {
	if !f.Factored {
		for i, v := range f.row {
			use(i, 1/root(v))
		}
		return
	}
	mean := 0.0
	for _, r := range f.row[b*f.Rows : (b+1)*f.Rows] {
		mean += float64(r)
	}
	top := root(float32(mean / float64(f.Rows)))
	for r := b * f.Rows; r < (b+1)*f.Rows; r++ {
		v := top / root(f.row[r])
		for k, x := range f.col[b*f.Cols : (b+1)*f.Cols] {
			use(r*f.Cols+k, v/root(x))
		}
	}
}

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }
