//go:build !js

package cpu

import (
	"gonum.org/v1/gonum/blas"
	gonum "gonum.org/v1/gonum/blas/gonum"

	"handful/core/fault"
)

// gonumBlas is gonum's assembly-backed BLAS.
type gonumBlas struct{ plainRows }

func (gonumBlas) name() string   { return "Go + gonum" }
func (gonumBlas) family() string { return "gonum" }

func defaultBlas() products { return gonumBlas{} }

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

func platform(family string) (products, error) {
	switch family {
	case "", "gonum":
		return gonumBlas{}, nil
	case "go":
		return goBlas{}, nil
	}
	return nil, fault.Inputf("device", "cpu has no kernel family %q here, want gonum or go", family).Next("leave the family out to take the fastest")
}
