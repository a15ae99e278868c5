// Package avx2 has matrix products for processors with AVX2 and FMA, in Go's
// assembly, so that they need no C compiler. Everything else is Go: matrices
// are packed into strips that the kernel of kernels_amd64.s walks in order.
//
// C's elements are sums over k in one order, whatever the number of
// processors, so results are equal from run to run.
package avx2
