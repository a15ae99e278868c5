package cpu

import (
	"math"

	"handful/core/graph"
)

// refAdafactor is graph.KindAdafactor, sum by sum. A vector is a block of rows
// of one element, whose row averages are v.
func refAdafactor(_ *Device, n *graph.Node, in []*buf, _ *buf) func() {
	a := n.Attr.(graph.AdafactorAttr)
	p, row, rest := in[0].f, in[1].f, in[2:]
	var col []float32
	if a.Factored {
		col, rest = rest[0].f, rest[1:]
	}
	g, norm, h := rest[0].f, rest[1].f, rest[2].f
	u := make([]float64, len(p))
	return func() {
		if norm[0]-norm[0] != 0 {
			return // not finite: stay at the last good step
		}
		lr, wd, beta := float64(h[0]), float64(h[1]), float64(h[2])
		scale, clip, threshold, eps1, eps2 := h[3], h[4], float64(h[5]), float64(h[6]), float64(h[7])
		c := float32(1)
		if clip > 0 {
			c = min(1, clip/(norm[0]+1e-6))
		}
		if scale != 0 {
			lr *= math.Max(eps2, math.Sqrt(dot64(p, p)/float64(len(p))))
		}
		// square is g²+ε1 of row r and column k of block b.
		square := func(b, r, k int) float64 {
			x := float64(c * g[(b*a.Rows+r)*a.Cols+k])
			return x*x + eps1
		}
		for b := 0; b < a.Blocks; b++ {
			for r := 0; r < a.Rows; r++ {
				s := 0.0
				for k := 0; k < a.Cols; k++ {
					s += square(b, r, k)
				}
				ema(&row[b*a.Rows+r], beta, s/float64(a.Cols))
			}
			for k := 0; a.Factored && k < a.Cols; k++ {
				s := 0.0
				for r := 0; r < a.Rows; r++ {
					s += square(b, r, k)
				}
				ema(&col[b*a.Cols+k], beta, s/float64(a.Rows))
			}
		}
		sum := 0.0
		for b := 0; b < a.Blocks; b++ {
			mean := 0.0
			for r := 0; r < a.Rows; r++ {
				mean += float64(row[b*a.Rows+r]) / float64(a.Rows)
			}
			for r := 0; r < a.Rows; r++ {
				for k := 0; k < a.Cols; k++ {
					v := float64(row[b*a.Rows+r])
					if a.Factored {
						v *= float64(col[b*a.Cols+k]) / mean
					}
					i := (b*a.Rows+r)*a.Cols + k
					u[i] = float64(c*g[i]) / math.Sqrt(v)
					sum += u[i] * u[i]
				}
			}
		}
		by := lr / math.Max(1, math.Sqrt(sum/float64(len(p)))/threshold)
		for i := range p {
			p[i] = float32(float64(p[i])*(1-wd*lr) - by*u[i])
		}
	}
}

// ema moves an average towards x.
func ema(avg *float32, beta, x float64) { *avg = float32(beta*float64(*avg) + (1-beta)*x) }
