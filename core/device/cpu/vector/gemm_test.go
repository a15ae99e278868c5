//go:build amd64 || arm64

package vector

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	gonum "gonum.org/v1/gonum/blas/gonum"
)

func atOnce(n int, f func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func (a Matrix) at(i, j int) float32 {
	if a.T {
		i, j = j, i
	}
	return a.Data[i*a.Stride+j]
}

// TestGemm holds every form and odd sizes against sums in float64. What lies
// between C's rows must stay.
func TestGemm(t *testing.T) {
	if !Have() {
		t.Skip("SKIPPED: no AVX2 here")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][3]int{{1, 1, 1}, {1, 300, 7}, {3, 17, 33}, {4, 16, 8}, {5, 15, 1}, {6, 16, 384}, {7, 33, 385}, {13, 4, 576}, {97, 257, 40}, {40, 2100, 30}, {1030, 20, 9}, {64, 64, 800}} {
		m, n, k := size[0], size[1], size[2]
		for form := range 4 {
			for _, acc := range []bool{false, true} {
				lda, ldb, ldc := k+3, n+1, n+5
				a, b := Matrix{T: form&1 != 0}, Matrix{T: form&2 != 0}
				rowsA, rowsB := m, k
				if a.T {
					lda, rowsA = m+2, k
				}
				if b.T {
					ldb, rowsB = k+2, n
				}
				a.Data, a.Stride = random(r, rowsA*lda), lda
				b.Data, b.Stride = random(r, rowsB*ldb), ldb
				c := random(r, m*ldc)
				got := append([]float32(nil), c...)
				Gemm(m, n, k, 0.5, a, b, acc, got, ldc, atOnce)
				for i := range m {
					for j := range ldc {
						want, size := float64(c[i*ldc+j]), 1.0
						if j < n {
							if !acc {
								want = 0
							}
							for p := range k {
								x, y := a.at(i, p), b.at(p, j)
								want += 0.5 * float64(x) * float64(y)
								size += math.Abs(float64(x) * float64(y))
							}
						}
						if d := math.Abs(float64(got[i*ldc+j]) - want); !(d <= 1e-6*size) || j >= n && d != 0 {
							t.Fatalf("%v form %d acc %v: C[%d,%d] = %v, want %v", size, form, acc, i, j, got[i*ldc+j], want)
						}
					}
				}
			}
		}
	}
}

func TestDotAndAxpy(t *testing.T) {
	if !Have() {
		t.Skip("SKIPPED: no AVX2 here")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 100 {
		x, y := random(r, n), random(r, n+1)
		want := 0.0
		for i := range x {
			want += float64(x[i]) * float64(y[i])
		}
		if got := Dot(x, y); math.Abs(float64(got)-want) > 1e-5 {
			t.Errorf("n %d: Dot = %v, want %v", n, got, want)
		}
		z := append([]float32(nil), y...)
		Axpy(0.25, x, z)
		for i := range z {
			want := float64(y[i])
			if i < n {
				want += 0.25 * float64(x[i])
			}
			if math.Abs(float64(z[i])-want) > 1e-6 {
				t.Errorf("n %d: y[%d] = %v, want %v", n, i, z[i], want)
			}
		}
	}
}

func TestExp(t *testing.T) {
	if !Have() {
		t.Skip("SKIPPED: no AVX2 here")
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for n := range 20 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i*i)*0.3 - 30
		}
		sum := 0.0
		y := make([]float32, n)
		got := Exp(y, x, 1.5)
		for i, v := range x {
			want := math.Exp(float64(v) - 1.5)
			sum += want
			if math.Abs(float64(y[i])/want-1) > 3e-7 {
				t.Errorf("e^(%v−1.5) = %v, want %v", v, y[i], want)
			}
		}
		if math.Abs(float64(got)-sum) > 1e-6*sum {
			t.Errorf("n %d: the sum is %v, want %v", n, got, sum)
		}
	}
	for i := -2000; i <= 2000; i++ {
		x := []float32{float32(i) * 0.0435}
		Exp(x, x, 0)
		if want := math.Exp(float64(float32(i) * 0.0435)); math.Abs(float64(x[0])/want-1) > 3e-7 {
			t.Errorf("e^%v = %v, want %v", float32(i)*0.0435, x[0], want)
		}
	}
	x := []float32{-inf, -88, -1e30, inf, 100, nan, 0, float32(math.Copysign(0, -1))}
	Exp(x, x, 0)
	top := math.Exp(88)
	for i, want := range []float64{0, 0, 0, top, top, math.NaN(), 1, 1} {
		if got := float64(x[i]); math.Abs(got-want) > 1e-6*want && !(math.IsNaN(got) && math.IsNaN(want)) || math.IsNaN(got) != math.IsNaN(want) {
			t.Errorf("case %d: got %v, want %v", i, got, want)
		}
	}
}

func one(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}

var sizes = map[string][3]int{"512x1536x576": {512, 1536, 576}, "128x576x576": {128, 576, 576}, "128x4x576": {128, 4, 576}, "1x1536x576": {1, 1536, 576}, "32x32x64": {32, 32, 64}}

func BenchmarkGemm(b *testing.B) {
	for name, s := range sizes {
		m, n, k := s[0], s[1], s[2]
		r := rand.New(rand.NewPCG(5, 6))
		x, w, y := random(r, m*k), random(r, n*k), make([]float32, m*n)
		for _, t := range []bool{false, true} {
			form, stride := "nn", n
			if t {
				form, stride = "nt", k
			}
			flops := func(b *testing.B) {
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			}
			b.Run(name+"/"+form+"/avx2", func(b *testing.B) {
				for b.Loop() {
					Gemm(m, n, k, 1, Matrix{Data: x, Stride: k}, Matrix{w, stride, t}, false, y, n, one)
				}
				flops(b)
			})
			b.Run(name+"/"+form+"/gonum", func(b *testing.B) {
				tb := blas.NoTrans
				if t {
					tb = blas.Trans
				}
				for b.Loop() {
					gonum.Implementation{}.Sgemm(blas.NoTrans, tb, m, n, k, 1, x, k, w, stride, 0, y, n)
				}
				flops(b)
			})
		}
	}
}
