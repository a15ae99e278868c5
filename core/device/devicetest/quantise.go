package devicetest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"handful/core/tensor"
)

// Random makes a variable of normal values over √columns, stored as dt.
func Random(rng *rand.Rand, name string, dt tensor.DType, shape ...int) *tensor.Var {
	v := make([]float32, tensor.Numel(shape))
	scale := 1 / math.Sqrt(float64(shape[len(shape)-1]))
	for i := range v {
		v[i] = float32(rng.NormFloat64() * scale)
	}
	return tensor.NewVar(name, tensor.MemSource(dt, shape, Quantise(dt, v), ""))
}

// Quantise stores values as dt, rounding to nearest by each block's extremes:
// simple, and good enough for tests. Blocks run along the values, whose number
// must be a whole number of blocks.
func Quantise(dt tensor.DType, v []float32) []byte {
	var out []byte
	half := func(x float32) float32 {
		h := tensor.F32ToF16(x)
		out = binary.LittleEndian.AppendUint16(out, h)
		return tensor.F16ToF32(h)
	}
	switch dt {
	case tensor.F32:
		return append(out, tensor.F32Bytes(v)...)
	case tensor.F16:
		for _, x := range v {
			half(x)
		}
	case tensor.BF16:
		for _, x := range v {
			out = binary.LittleEndian.AppendUint16(out, uint16((math.Float32bits(x)+0x8000)>>16))
		}
	case tensor.Q4_K, tensor.Q5_K, tensor.Q6_K:
		for ; len(v) >= 256; v = v[256:] {
			if dt == tensor.Q6_K {
				out = superblock6(out, v[:256])
			} else {
				out = superblock(out, v[:256], dt == tensor.Q5_K)
			}
		}
	case tensor.Q8_0, tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.IQ4_NL:
		for ; len(v) >= 32; v = v[32:] {
			lo, hi := v[0], v[0]
			for _, x := range v[:32] {
				lo, hi = min(lo, x), max(hi, x)
			}
			most := max(hi, -lo)
			switch dt {
			case tensor.Q8_0:
				d := half(most / 127)
				for _, x := range v[:32] {
					out = append(out, byte(int8(level(x, d, 0, -127, 127))))
				}
			case tensor.Q4_0:
				d := half(most / 7)
				out = nibbles(out, v[:32], d, -8*d)
			case tensor.Q4_1:
				d := half((hi - lo) / 15)
				out = nibbles(out, v[:32], d, half(lo))
			case tensor.Q5_0:
				d := half(most / 15)
				out = fives(out, v[:32], d, -16*d)
			case tensor.Q5_1:
				d := half((hi - lo) / 31)
				out = fives(out, v[:32], d, half(lo))
			case tensor.IQ4_NL:
				d := half(most / 113)
				for i := range 16 {
					out = append(out, byte(nearest(v[i], d)|nearest(v[i+16], d)<<4))
				}
			}
		}
	default:
		panic(fmt.Sprintf("devicetest: no quantiser for %v", dt))
	}
	return out
}

// nibbles appends a block of 32 values as d·q + m.
func nibbles(out []byte, v []float32, d, m float32) []byte {
	for i := range 16 {
		out = append(out, byte(level(v[i], d, m, 0, 15)|level(v[i+16], d, m, 0, 15)<<4))
	}
	return out
}

// level is the q in [lo, hi] for which d·q + m is nearest to x.
func level(x, d, m float32, lo, hi int) int {
	if d == 0 {
		return 0
	}
	return min(hi, max(lo, int(math.RoundToEven(float64((x-m)/d)))))
}
