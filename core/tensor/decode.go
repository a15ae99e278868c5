package tensor

import (
	"encoding/binary"
	"math"
)

// F16ToF32 widens an IEEE half, exactly.
func F16ToF32(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	case frac == 0:
		return math.Float32frombits(sign)
	}
	v := float32(frac) / (1 << 24) // subnormal half
	if sign != 0 {
		v = -v
	}
	return v
}

// F32ToF16 narrows to an IEEE half, to nearest even.
func F32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	e := int(b>>23&255) - 112
	m := b & 0x7fffff
	switch {
	case b>>23&255 == 255:
		if m != 0 {
			return sign | 0x7e00
		}
		return sign | 0x7c00
	case e >= 31:
		return sign | 0x7c00
	case e <= 0:
		if e < -10 {
			return sign
		}
		m |= 0x800000
		s := uint(14 - e)
		h := m >> s
		if rest, half := m&(1<<s-1), uint32(1)<<(s-1); rest > half || rest == half && h&1 == 1 {
			h++
		}
		return sign | uint16(h)
	}
	h := uint32(e)<<10 | m>>13
	if rest := m & 0x1fff; rest > 0x1000 || rest == 0x1000 && h&1 == 1 {
		h++ // may carry into the exponent, up to infinity: that is right
	}
	return sign | uint16(h)
}

// F32ToBF16 narrows to a bfloat16, to nearest even.
func F32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40 // a NaN stays one
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

var halfTable [1 << 16]float32

func init() {
	for i := range halfTable {
		halfTable[i] = F16ToF32(uint16(i))
	}
}

// Encode narrows src to F32, F16 or BF16 in dst, which must hold them.
func Encode(dt DType, dst []byte, src []float32) {
	le := binary.LittleEndian
	switch dt {
	case F32:
		copy(dst, F32Bytes(src))
	case F16:
		for i, v := range src {
			le.PutUint16(dst[2*i:], F32ToF16(v))
		}
	case BF16:
		for i, v := range src {
			le.PutUint16(dst[2*i:], F32ToBF16(v))
		}
	default:
		panic("tensor: encode of " + dt.String())
	}
}

// Decode widens len(dst) elements of src to float32. len(dst) must be a whole
// number of blocks and src must hold them.
func Decode(dt DType, dst []float32, src []byte) {
	le := binary.LittleEndian
	switch dt {
	case F32:
		copy(F32Bytes(dst), src)
	case F16:
		for i := range dst {
			dst[i] = halfTable[le.Uint16(src[2*i:])]
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
		}
	default:
		decodeBlocks(dt, dst, src)
	}
}
