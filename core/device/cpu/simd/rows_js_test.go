package simd

import (
	"math"
	"testing"
)

func sigma(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// TestElementwise holds the loops over elements against float64.
func TestElementwise(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		for _, n := range lengths {
			x, y, z := normal(r, n), normal(r, n), normal(r, n)
			dst := append(make([]float32, n), 99) // 99 must stay
			run := func(what string, tolerance float64, f func(dst []float32), want func(x, y, z, old float64) float64) {
				t.Helper()
				old := append([]float32(nil), dst...)
				f(dst[:n])
				w := make([]float64, n+1)
				for i := range n {
					w[i] = want(float64(x[i]), float64(y[i]), float64(z[i]), float64(old[i]))
				}
				w[n] = 99
				near(t, what, dst, w, tolerance)
			}
			run("add", 1e-7, func(d []float32) { m.Add(d, x, y) }, func(x, y, _, _ float64) float64 { return x + y })
			run("mul", 1e-7, func(d []float32) { m.Mul(d, x, y) }, func(x, y, _, _ float64) float64 { return x * y })
			run("axpy", 3e-7, func(d []float32) { m.Axpy(d, x, 0.3) }, func(x, _, _, old float64) float64 { return old + float64(float32(0.3))*x })
			run("scale", 1e-7, func(d []float32) { m.Scale(d, x, -2.5) }, func(x, _, _, _ float64) float64 { return -2.5 * x })
			run("silu", 5e-7, func(d []float32) { m.SiLUMul(d, x, y) }, func(x, y, _, _ float64) float64 { return x * sigma(x) * y })
			run("silu grad", 1e-6, func(d []float32) { m.SiLUGradGate(d, x, y, z) }, func(x, y, z, _ float64) float64 {
				return z * y * sigma(x) * (1 + x*(1-sigma(x)))
			})
			u := func(x float64) float64 { return math.Sqrt(8/math.Pi) * (x + 0.044715*x*x*x) }
			run("gelu", 5e-7, func(d []float32) { m.GELUMul(d, x, y) }, func(x, y, _, _ float64) float64 { return x * sigma(u(x)) * y })
			run("gelu grad", 2e-6, func(d []float32) { m.GELUGradGate(d, x, y, z) }, func(x, y, z, _ float64) float64 {
				s := sigma(u(x))
				return z * y * s * (1 + x*(1-s)*math.Sqrt(8/math.Pi)*(1+3*0.044715*x*x))
			})
			run("relu", 0, func(d []float32) { m.ReLU(d, x) }, func(x, _, _, _ float64) float64 { return max(x, 0) })
			run("relu grad", 0, func(d []float32) { m.ReLUGrad(d, x, y) }, func(x, y, _, _ float64) float64 {
				if x > 0 {
					return y
				}
				return 0
			})

			dot, most, total := 0.0, math.Inf(-1), 0.0
			e := make([]float64, n)
			for i := range n {
				dot += float64(x[i]) * float64(y[i])
				most = max(most, float64(x[i]))
				e[i] = math.Exp(float64(x[i]) - 0.5)
				total += e[i]
			}
			if got := float64(m.Dot(x, y)); math.Abs(got-dot) > 1e-5*math.Sqrt(float64(n)) {
				t.Errorf("dot of %d is %g, want %g", n, got, dot)
			}
			if got := float64(m.Max(x)); got != most {
				t.Errorf("max of %d is %g, want %g", n, got, most)
			}
			got := float64(m.ExpSum(dst[:n], x, 0.5))
			near(t, "exp", dst, e, 4e-7)
			if math.Abs(got-total) > 1e-6*total {
				t.Errorf("sum of %d exponentials is %g, want %g", n, got, total)
			}
		}
	})
}

// TestExp: e^x over its whole range within 2 ulp, and what lies beyond.
func TestExp(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		var x []float32
		for v := -104.5; v < 89.5; v += 0.0007 {
			x = append(x, float32(v))
		}
		y := make([]float32, len(x))
		m.ExpSum(y, x, 0)
		worst := 0.0
		for i, v := range x {
			want := math.Exp(float64(v))
			if want > math.MaxFloat32 {
				if !math.IsInf(float64(y[i]), 1) {
					t.Fatalf("exp(%g) is %g, want infinity", v, y[i])
				}
				continue
			}
			// One ulp is the distance to the next float32; subnormals share theirs.
			w := float32(want)
			ulp := float64(math.Nextafter32(w, float32(math.Inf(1)))) - float64(w)
			if w == math.MaxFloat32 {
				continue
			}
			worst = max(worst, math.Abs(float64(y[i])-want)/ulp)
		}
		t.Logf("worst error %.2f ulp", worst)
		if !(worst <= 2) {
			t.Errorf("worst error %.2f ulp, want at most 2", worst)
		}
		inf := float32(math.Inf(1))
		special := []float32{inf, -inf, float32(math.NaN()), 0, -200, 200}
		m.ExpSum(special, special, 0)
		if special[0] != inf || special[1] != 0 || special[2] == special[2] || special[3] != 1 || special[4] != 0 || special[5] != inf {
			t.Errorf("exp of inf, -inf, NaN, 0, -200, 200 is %v", special)
		}
	})
}

// TestSoftmax: spans that are whole, cut, empty and out of the row.
func TestSoftmax(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		for _, cols := range []int{1, 2, 5, 8, 33, 64} {
			const rows, first = 7, 10
			ld := cols + 2
			s := padded(func(n int) []float32 { return normal(r, n) }, rows, cols, ld)
			was := append([]float32(nil), s...)
			c := int32(cols)
			span := []int32{first, first + c, 0, 1000, first + 1, first + c - 1, 5, 5, 0, 3, first + c, first + c + 4, first + c - 1, 99}
			m.Softmax(s, span, rows, cols, ld, first)
			for i := range rows {
				lo, hi := int(span[2*i])-first, int(span[2*i+1])-first
				total := 0.0
				for j := range cols {
					if j >= lo && j < hi {
						total += math.Exp(float64(was[i*ld+j]))
					}
				}
				want := make([]float64, cols)
				for j := range want {
					if j >= lo && j < hi {
						want[j] = math.Exp(float64(was[i*ld+j])) / total
					}
				}
				near(t, "softmax", s[i*ld:], want, 3e-7)
				for j := i*ld + cols; j < min(len(s), (i+1)*ld); j++ {
					if s[j] == s[j] {
						t.Fatalf("cols %d: wrote beyond row %d", cols, i)
					}
				}
			}
			out := make([]float32, rows)
			m.LogSumExp(out, was, rows, cols, ld)
			want := make([]float64, rows)
			for i := range want {
				for _, v := range was[i*ld : i*ld+cols] {
					want[i] += math.Exp(float64(v))
				}
				want[i] = math.Log(want[i])
			}
			near(t, "logsumexp", out, want, 5e-7)
		}
	})
}

// TestLargeLogits: nothing overflows where the scores are large.
func TestLargeLogits(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		x := []float32{1000, 1000, -1000}
		var out [1]float32
		m.LogSumExp(out[:], x, 1, 3, 3)
		near(t, "logsumexp", out[:], []float64{1000 + math.Ln2}, 1e-7)
		m.Softmax(x, []int32{0, 3}, 1, 3, 3, 0)
		near(t, "softmax", x, []float64{0.5, 0.5, 0}, 1e-7)
	})
}
