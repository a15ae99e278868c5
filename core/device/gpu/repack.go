package gpu

import (
	"encoding/binary"
	"math"

	"handful/core/tensor"
	"handful/shaders"
)

// layout is how the shaders read a stored type: its flag in
// shaders/_weight.wgsl and the words of 32 elements, 0 where elements stay as
// they are. Scales are f32 there, one or two for each 32 elements, so that a
// block of 256 comes apart into blocks of 32: Q4_K takes 6 bits an element for
// 4.5, Q5_K 7 for 5.5, Q6_K 8 for 6.6.
type layout struct {
	flag  string
	words int
}

var layouts = map[tensor.DType]layout{
	tensor.F32: {"F32", 0}, tensor.F16: {"F16", 0}, tensor.BF16: {"BF16", 0},
	tensor.Q8_0: {"Q8", 9}, tensor.Q6_K: {"Q6", 8}, tensor.IQ4_NL: {"IQ4", 5},
	tensor.Q4_0: {"Q4", 6}, tensor.Q4_1: {"Q4", 6}, tensor.Q4_K: {"Q4", 6},
	tensor.Q5_0: {"Q5", 7}, tensor.Q5_1: {"Q5", 7}, tensor.Q5_K: {"Q5", 7},
}

// weightVars set up shaders/_weight.wgsl for a stored type.
func weightVars(dt tensor.DType) shaders.Vars {
	l := layouts[dt]
	v := flags(l.flag)
	if v["DT"] = l.flag; l.words > 0 && dt != tensor.Q8_0 {
		v["NIBBLES"] = "1"
	}
	return v
}

// packedRow is the bytes of a row of n elements on the device.
func packedRow(dt tensor.DType, n int) int {
	if l := layouts[dt]; l.words > 0 {
		return n / 32 * 4 * l.words
	}
	return dt.Bytes(1, n)
}

// repack writes stored blocks as the shaders read them.
func repack(dt tensor.DType, dst, src []byte) []byte {
	block := packers[dt]
	if block == nil {
		return append(dst, src...)
	}
	for _, size := dt.Block(); len(src) >= size; src = src[size:] {
		dst = block(dst, src[:size])
	}
	return dst
}

func half(b []byte) float32 { return tensor.F16ToF32(binary.LittleEndian.Uint16(b)) }

func scales(dst []byte, v ...float32) []byte {
	for _, f := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
	}
	return dst
}

// packers append one block.
var packers = map[tensor.DType]func(dst, b []byte) []byte{
	tensor.Q8_0:   func(dst, b []byte) []byte { return append(scales(dst, half(b)), b[2:]...) },
	tensor.IQ4_NL: func(dst, b []byte) []byte { return append(scales(dst, half(b)), b[2:]...) },
	tensor.Q4_0:   func(dst, b []byte) []byte { return append(scales(dst, half(b), -8*half(b)), b[2:]...) },
	tensor.Q4_1:   func(dst, b []byte) []byte { return append(scales(dst, half(b), half(b[2:])), b[4:]...) },
	tensor.Q5_0:   func(dst, b []byte) []byte { return append(scales(dst, half(b), -16*half(b)), b[2:]...) },
	tensor.Q5_1:   func(dst, b []byte) []byte { return append(scales(dst, half(b), half(b[2:])), b[4:]...) },
	tensor.Q4_K:   func(dst, b []byte) []byte { return packK(dst, b, nil, b[16:]) },
	tensor.Q5_K:   func(dst, b []byte) []byte { return packK(dst, b, b[16:48], b[48:]) },
	tensor.Q6_K:   pack6,
}

// packK takes a Q4_K or Q5_K block apart. 64 elements share 32 bytes, the first
// 32 of them the low halves; bit i of high's bytes is the fifth of the i-th 32.
func packK(dst, b, high, q []byte) []byte {
	d, e := half(b), half(b[2:])
	for i := range 8 {
		s, m := tensor.ScaleMin(i, b[4:16])
		dst = scales(dst, d*float32(s), -e*float32(m))
		if high != nil {
			var fifth uint32
			for j, h := range high {
				fifth |= uint32(h>>i&1) << j
			}
			dst = binary.LittleEndian.AppendUint32(dst, fifth)
		}
		dst = nibbles(dst, q[i/2*32:][:32], i%2*4)
	}
	return dst
}

// nibbles appends 16 bytes of 32 elements that stand in the bits from shift of
// 32 bytes: element i low and element i+16 high.
func nibbles(dst, q []byte, shift int) []byte {
	for i := range 16 {
		dst = append(dst, q[i]>>shift&15|q[i+16]>>shift<<4)
	}
	return dst
}

// pack6 takes a Q6_K block apart: for each 32 elements two scales, nibbles, and
// the two high bits of each element in the order of the elements.
func pack6(dst, b []byte) []byte {
	d := half(b[208:])
	for i := range 8 {
		half, run := i/4, i%4
		dst = scales(dst, d*float32(int8(b[192+2*i])), d*float32(int8(b[193+2*i])))
		dst = nibbles(dst, b[64*half+run%2*32:][:32], run/2*4)
		var high uint64
		for j, h := range b[128+32*half:][:32] {
			high |= uint64(h>>(2*run)&3) << (2 * j)
		}
		dst = binary.LittleEndian.AppendUint64(dst, high)
	}
	return dst
}
