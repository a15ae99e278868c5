//go:build !js

package cpu

import (
	"gonum.org/v1/gonum/blas"
	gonum "gonum.org/v1/gonum/blas/gonum"
)

// gonumBlas is gonum's assembly-backed BLAS.
type gonumBlas struct{ plainRows }

func (gonumBlas) name() string   { return "Go + gonum" }
func (gonumBlas) family() string { return "gonum" }

var impl gonum.Implementation

func beta(acc bool) float32 {
	if acc {
		return 1
	}
	return 0
}

func (gonumBlas) nn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	impl.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, alpha, a, lda, b, ldb, beta(acc), c, ldc)
}

func (gonumBlas) nt(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	impl.Sgemm(blas.NoTrans, blas.Trans, m, n, k, alpha, a, lda, b, ldb, beta(acc), c, ldc)
}

func (gonumBlas) tn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	impl.Sgemm(blas.Trans, blas.NoTrans, m, n, k, alpha, a, lda, b, ldb, beta(acc), c, ldc)
}
