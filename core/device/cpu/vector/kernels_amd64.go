package vector

import "golang.org/x/sys/cpu"

// Family names the kernels.
const Family = "avx2"

// Have tells whether the processor has what the kernels use.
func Have() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

// tile is C [6, 16] = alpha·A·B, or C += where acc is set. a is a strip of k
// columns of 6 elements, b a strip of k rows of 16; rows of c are ldc elements
// apart.
//
//go:noescape
func tile(k int, a, b, c *float32, ldc int, alpha float32, acc bool)

// dot is Σ a·b over n elements, which must be a multiple of 8.
//
//go:noescape
func dot(n int, a, b *float32) float32

// axpy is y += alpha·x over n elements, a multiple of 8.
//
//go:noescape
func axpy(n int, alpha float32, x, y *float32)

// transpose packs 8·blocks columns of 8 rows of from, stride elements apart,
// into as many groups of 8 elements, which begin width elements apart.
//
//go:noescape
func transpose(blocks int, from *float32, stride int, to *float32, width int)

// exp sets y = e^(x − shift) for n elements, a multiple of 8 and not 0, and
// gives their sum.
//
//go:noescape
func exp(n int, y, x *float32, shift float32) float32
