package vector

import (
	"math"
	"unsafe"

	"handful/core/tensor"
)

// Family names the kernels.
const Family = "neon"

// Have tells whether the processor has what the kernels use: every arm64 has.
func Have() bool { return true }

// tile, dot and axpy are as on amd64.
//
//go:noescape
func tile(k int, a, b, c *float32, ldc int, alpha float32, acc bool)

//go:noescape
func dot(n int, a, b *float32) float32

//go:noescape
func axpy(n int, alpha float32, x, y *float32)

// transpose packs 8·blocks columns of 8 rows of from, as on amd64.
func transpose(blocks int, from *float32, stride int, to *float32, width int) {
	rows := unsafe.Slice(from, 7*stride+8*blocks)
	groups := unsafe.Slice(to, (8*blocks-1)*width+8)
	for p := range 8 * blocks {
		g := groups[p*width:][:8]
		for i := range g {
			g[i] = rows[i*stride+p]
		}
	}
}

func exp(n int, y, x *float32, shift float32) float32 {
	var sum float32
	from, to := unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range from {
		v -= shift
		switch {
		case v < -87:
			v = 0
		case v > 88:
			v = float32(math.Exp(88))
		default:
			v = float32(math.Exp(float64(v)))
		}
		to[i] = v
		sum += v
	}
	return sum
}

// Decode is tensor.Decode.
func Decode(dt tensor.DType, dst []float32, src []byte) { tensor.Decode(dt, dst, src) }
