//go:build amd64 || arm64

package cpu

import (
	"strings"

	"handful/core/device/cpu/vector"
	"handful/core/graph"
	"handful/core/tensor"
)

// vectorBlas is assembly for AVX2 with FMA, or for NEON.
type vectorBlas struct{ plainRows }

func vectors() []products {
	if !vector.Have() {
		return nil
	}
	return []products{vectorBlas{}}
}

func (vectorBlas) name() string   { return "Go + " + strings.ToUpper(vector.Family) }
func (vectorBlas) family() string { return vector.Family }

// alone is how many multiplications are not worth a second processor.
const alone = 1 << 19

func gemm(m, n, k int, alpha float32, a, b vector.Matrix, acc bool, c []float32, ldc int) {
	each := parallelJobs
	if m*n*k < alone {
		each = oneByOne
	}
	vector.Gemm(m, n, k, alpha, a, b, acc, c, ldc, each)
}

func parallelJobs(n int, f func(job int)) { parallelWorkers(n, func(_, job int) { f(job) }) }

func oneByOne(n int, f func(job int)) {
	for i := range n {
		f(i)
	}
}

func (vectorBlas) nn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	gemm(m, n, k, alpha, vector.Matrix{Data: a, Stride: lda}, vector.Matrix{Data: b, Stride: ldb}, acc, c, ldc)
}

func (vectorBlas) nt(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	gemm(m, n, k, alpha, vector.Matrix{Data: a, Stride: lda}, vector.Matrix{Data: b, Stride: ldb, T: true}, acc, c, ldc)
}

func (vectorBlas) tn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	gemm(m, n, k, alpha, vector.Matrix{Data: a, Stride: lda, T: true}, vector.Matrix{Data: b, Stride: ldb}, acc, c, ldc)
}

func (vectorBlas) dot(a, b []float32) float32 { return vector.Dot(a, b) }

func (vectorBlas) expSum(y, x []float32, shift float32) float32 { return vector.Exp(y, x, shift) }

// sigmoids calls f with 1/σ of the gate's inner value, part by part: y may be
// one of the inputs.
func sigmoids(act graph.Activation, g []float32, f func(from int, inverse []float32)) {
	var buf [512]float32
	for from := 0; from < len(g); from += len(buf) {
		x := g[from:min(from+len(buf), len(g))]
		s := buf[:len(x)]
		for i, v := range x {
			if act == graph.GELUNew {
				v = geluScale * (v + geluCube*v*v*v)
			}
			s[i] = -v
		}
		vector.Exp(s, s, 0)
		for i := range s {
			s[i]++
		}
		f(from, s)
	}
}

func (b vectorBlas) gated(act graph.Activation, y, g, u []float32) {
	sigmoids(act, g, func(from int, inverse []float32) {
		y, g, u := y[from:], g[from:], u[from:]
		for i, s := range inverse {
			y[i] = g[i] / s * u[i]
		}
	})
}

func (b vectorBlas) gatedGrad(act graph.Activation, y, g, u, dy []float32) {
	sigmoids(act, g, func(from int, inverse []float32) {
		y, g, u, dy := y[from:], g[from:], u[from:], dy[from:]
		for i, s := range inverse {
			x, slope := g[i], float32(1)
			if act == graph.GELUNew {
				slope = geluScale * (1 + 3*geluCube*x*x)
			}
			s = 1 / s
			y[i] = dy[i] * u[i] * s * (1 + x*(1-s)*slope)
		}
	})
}

func (b vectorBlas) decode(dst []float32, w *buf, lo, hi int) {
	if w.dt == tensor.F32 {
		b.plainRows.decode(dst, w, lo, hi)
		return
	}
	n := w.cols()
	size := w.dt.Bytes(1, n)
	vector.Decode(w.dt, dst[:(hi-lo)*n], w.raw[lo*size:hi*size])
}
