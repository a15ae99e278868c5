package tensor

import (
	"encoding/binary"
	"math/bits"
)

// halves are where a block's f16 scales and minima stand.
var halves = map[DType][]int{Q8_0: {0}, Q4_0: {0}, Q4_1: {0, 2}, Q5_0: {0}, Q5_1: {0, 2}, IQ4_NL: {0}, Q4_K: {0, 2}, Q5_K: {0, 2}, Q6_K: {208}}

// NonFinite counts what is NaN or infinite in stored values: elements of F32,
// F16 and BF16, scales and minima of quantised blocks. b holds whole blocks.
func NonFinite(dt DType, b []byte) (n int) {
	switch dt {
	case F32:
		return fullExponents(b, 0x7f800000_7f800000, 0x00800000_00800000)
	case F16:
		return fullExponents(b, 0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400)
	case BF16:
		return fullExponents(b, 0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080)
	default:
		_, size := dt.Block()
		for at := halves[dt]; len(b) >= size; b = b[size:] {
			for _, i := range at {
				if binary.LittleEndian.Uint16(b[i:])&0x7c00 == 0x7c00 { // all exponent bits
					n++
				}
			}
		}
	}
	return n
}

// fullExponents counts the floats whose exponent bits are all set, several in
// a word: adding the lowest exponent bit then carries into the sign's place,
// which the mask has cleared, and never beyond.
func fullExponents(b []byte, mask, lowest uint64) (n int) {
	signs := mask + lowest
	full := func(at []byte) uint64 { return (binary.LittleEndian.Uint64(at)&mask + lowest) & signs }
	for ; len(b) >= 32; b = b[32:] {
		if c, d, e, f := full(b), full(b[8:]), full(b[16:]), full(b[24:]); c|d|e|f != 0 {
			n += bits.OnesCount64(c) + bits.OnesCount64(d) + bits.OnesCount64(e) + bits.OnesCount64(f)
		}
	}
	var rest [32]byte
	copy(rest[:], b)
	for i := 0; i < len(rest); i += 8 {
		n += bits.OnesCount64(full(rest[i:]))
	}
	return n
}
