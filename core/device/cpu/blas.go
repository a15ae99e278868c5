package cpu

import "handful/core/graph"

// products are the matrix products and row loops that the fast kernels stand on. Matrices
// are row-major with leading dimensions; every product is C = alpha·A·B + C,
// or C = alpha·A·B where acc is false.
type products interface {
	name() string   // for people
	family() string // as device.Options.Family forces it
	// nn: A [m,k]·B [k,n];  nt: A [m,k]·B [n,k]ᵀ;  tn: A [k,m]ᵀ·B [k,n].
	nn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int)
	nt(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int)
	tn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int)
	// decode widens len(dst) elements of a stored weight.
	decode(dst []float32, w *buf, lo, hi int)
	// gated sets y = act(g)·u, gatedGrad the gradient of g: y = dy·u·act'(g).
	gated(act graph.Activation, y, g, u []float32)
	gatedGrad(act graph.Activation, y, g, u, dy []float32)
	// relu sets y = max(x, 0), reluGrad its gradient.
	relu(y, x []float32)
	reluGrad(dx, x, dy []float32)
	// expSum sets y = exp(x − shift) and gives the sum.
	expSum(y, x []float32, shift float32) float32
	// rmsNorm and rmsNormGrad are graph.KindRMSNorm and its gradient for whole
	// rows of len(w) values.
	rmsNorm(y, x, w []float32, eps float32)
	rmsNormGrad(dx, x, w, dy []float32, eps float32)
	// dot is Σ a·b.
	dot(a, b []float32) float32
}
