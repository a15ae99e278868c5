package safetensors

import (
	"math"

	"handful/core/tensor"
)

// dtypeInfo is an element type of the format.
type dtypeInfo struct {
	name string
	bits int64
}

// dtypes in the order in which the Python library lays tensors out: by falling
// alignment.
var dtypes = []dtypeInfo{{"U64", 64}, {"I64", 64}, {"F64", 64}, {"C64", 64}, {"F32", 32}, {"U32", 32}, {"I32", 32}, {"BF16", 16}, {"F16", 16}, {"U16", 16}, {"I16", 16},
	{"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E8M0", 8}, {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"I8", 8}, {"U8", 8}, {"F6_E3M2", 6}, {"F6_E2M3", 6}, {"F4", 4}, {"BOOL", 8}}

// readable are the types that a tensor.Source can have.
var readable = map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16, "I32": tensor.I32}

// size is the bytes of a shape; false when they overflow or are not whole.
func (d dtypeInfo) size(shape []int) (int64, bool) {
	bits := d.bits
	for _, n := range shape {
		if n > 0 && bits > math.MaxInt64/int64(n) {
			return 0, false
		}
		bits *= int64(n)
	}
	return bits / 8, bits%8 == 0
}
