package vector

import "handful/core/tensor"

// q4 widens blocks of Q4_0 (size 18) or Q4_1 (size 20), q8 of Q8_0, f16 n
// elements, a multiple of 8. None may be 0.
//
//go:noescape
func q4(blocks int, y *float32, x *byte, size int)

//go:noescape
func q8(blocks int, y *float32, x *byte)

//go:noescape
func f16(n int, y *float32, x *byte)

// Decode is tensor.Decode, to the same bits: whole blocks of src to dst.
func Decode(dt tensor.DType, dst []float32, src []byte) {
	elems, size := dt.Block()
	n := len(dst) / elems
	if n == 0 {
		return
	}
	src = src[:n*size]
	switch dt {
	case tensor.Q4_0, tensor.Q4_1:
		q4(n, &dst[0], &src[0], size)
	case tensor.Q8_0:
		q8(n, &dst[0], &src[0])
	case tensor.F16:
		whole := n &^ 7
		if whole > 0 {
			f16(whole, &dst[0], &src[0])
		}
		tensor.Decode(dt, dst[whole:], src[2*whole:])
	default:
		tensor.Decode(dt, dst, src)
	}
}
