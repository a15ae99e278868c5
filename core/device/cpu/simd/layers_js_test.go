package simd

import (
	"math"
	"testing"
)

// TestRMSNorm holds the norm and both gradients against float64.
func TestRMSNorm(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		const eps = 1e-5
		r := source()
		for _, d := range lengths[1:] {
			const rows = 3
			x, w, dy := normal(r, rows*d), normal(r, d), normal(r, rows*d)
			y, dx, dw := make([]float32, rows*d), make([]float32, rows*d), normal(r, d)
			m.RMSNorm(y, x, w, eps)
			m.RMSNormGrad(dx, x, w, dy, eps)
			m.RMSNormGradW(dw, x, dy, eps)
			wy, wdx, wdw := make([]float64, rows*d), make([]float64, rows*d), make([]float64, d)
			for i := range rows {
				ss, dot := 0.0, 0.0
				for j := range d {
					v := float64(x[i*d+j])
					ss += v * v
					dot += v * float64(w[j]) * float64(dy[i*d+j])
				}
				rho := 1 / math.Sqrt(ss/float64(d)+eps)
				for j := range d {
					v, g := float64(x[i*d+j]), float64(dy[i*d+j])
					wy[i*d+j] = float64(w[j]) * v * rho
					wdx[i*d+j] = rho*float64(w[j])*g - rho*rho*rho/float64(d)*v*dot
					wdw[j] += g * v * rho
				}
			}
			near(t, "y", y, wy, 1e-6)
			near(t, "dx", dx, wdx, 2e-5) // a small d cancels
			near(t, "dw", dw, wdw, 2e-6)
		}
	})
}

// TestRope: there and back again, for dims that are no multiple of the vector.
func TestRope(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		pos := []int32{3, 0, 7, 7}
		for _, dim := range []int{2, 6, 8, 10, 64} {
			const heads, positions = 3, 8
			half := dim / 2
			table := make([]float32, positions*dim)
			for p := range positions {
				for i := range half {
					s, c := math.Sincos(float64(p) * math.Pow(1e4, -float64(i)/float64(half)))
					table[p*dim+i], table[p*dim+half+i] = float32(c), float32(s)
				}
			}
			x := normal(r, len(pos)*heads*dim)
			y, want, back := make([]float32, len(x)), make([]float64, len(x)), make([]float64, len(x))
			for i := range x {
				back[i] = float64(x[i])
				row, col, in := i/(heads*dim), i%dim, i-i%dim
				a := table[int(pos[row])*dim:]
				c, s := float64(a[col%half]), float64(a[half+col%half])
				if col < half {
					want[i] = float64(x[i])*c - float64(x[in+half+col])*s
				} else {
					want[i] = float64(x[i])*c + float64(x[in+col-half])*s
				}
			}
			m.Rope(y, x, table, pos, heads, dim, false)
			near(t, "rope", y, want, 3e-7)
			m.Rope(y, y, table, pos, heads, dim, true)
			near(t, "rope and back", y, back, 1e-6)
		}
	})
}

// TestAdamW follows three steps of the formula in float64.
func TestAdamW(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		for _, n := range lengths {
			p, mom, v := normal(r, n), make([]float32, n), make([]float32, n)
			wp, wm, wv := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range p {
				wp[i] = float64(p[i])
			}
			for k := 1.0; k <= 3; k++ {
				g := normal(r, n)
				c1, c2 := 1-math.Pow(0.9, k), math.Sqrt(1-math.Pow(0.999, k))
				m.AdamW(p, mom, v, g, Adam{LR: 0.01, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
					Correction1: float32(c1), Correction2: float32(c2), Clip: 0.5})
				for i := range p {
					x := 0.5 * float64(g[i])
					wm[i] += 0.1 * (x - wm[i])
					wv[i] = 0.999*wv[i] + 0.001*x*x
					wp[i] = wp[i]*(1-0.001) - 0.01/c1*wm[i]/(math.Sqrt(wv[i])/c2+1e-8)
				}
			}
			near(t, "p", p, wp, 2e-6)
			near(t, "m", mom, wm, 1e-6)
			near(t, "v", v, wv, 1e-6)
		}
	})
}
