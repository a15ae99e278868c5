// Package vector has matrix products, and on amd64 the widening of stored
// weights and exponentials too, in Go's assembly, so that they need no C
// compiler: for AVX2 with FMA, and for arm64's NEON. Everything else is Go:
// matrices are packed into strips that tile walks in order.
//
// C's elements are sums over k in one order, whatever the number of
// processors, so results are equal from run to run.
package vector
