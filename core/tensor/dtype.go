// Package tensor holds what a tensor is before it meets a device: element
// types, shapes, ranged byte sources and named variables.
package tensor

import "fmt"

// DType is an element type. The quantised ones are GGUF's blocks along the last
// axis, little-endian. Blocks of 32 elements:
//
//	Q8_0    f16 d, 32 × i8                           x = d·q
//	Q4_0    f16 d, 16 B of nibbles                   x = d·(q−8)
//	Q4_1    f16 d, f16 m, 16 B of nibbles            x = d·q + m
//	Q5_0    f16 d, u32 of fifth bits, nibbles        x = d·(q−16)
//	Q5_1    f16 d, f16 m, u32, nibbles               x = d·q + m
//	IQ4_NL  f16 d, 16 B of nibbles                   x = d·IQ4[q]
//
// Blocks of 256, with a scale of its own for each 32 (Q6_K: 16) elements:
//
//	Q4_K    f16 d, f16 e, 12 B scales, 128 B         x = d·s·q − e·t
//	Q5_K    f16 d, f16 e, 12 B, 32 B, 128 B          x = d·s·q − e·t
//	Q6_K    128 B, 64 B of high bits, 16 × i8, f16 d x = d·s·(q−32)
//
// Byte i of the nibbles holds element i in its low and element i+16 in its
// high half (ggml's layout, ggml-quants.c).
type DType uint8

const (
	F32 DType = iota
	F16
	BF16
	I32
	Q8_0
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	IQ4_NL
	Q4_K
	Q5_K
	Q6_K
)

var dtypes = [...]struct {
	name         string
	elems, bytes int
}{{"F32", 1, 4}, {"F16", 1, 2}, {"BF16", 1, 2}, {"I32", 1, 4}, {"Q8_0", 32, 34}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20},
	{"Q5_0", 32, 22}, {"Q5_1", 32, 24}, {"IQ4_NL", 32, 18}, {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}}

func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// Block gives the elements and bytes of one block (1 element for plain types).
func (d DType) Block() (elems, bytes int) { return dtypes[d].elems, dtypes[d].bytes }

// Quantised reports whether elements are stored in blocks.
func (d DType) Quantised() bool { return dtypes[d].elems > 1 }

// Bytes is the size of a tensor of this type and shape, whose last axis must
// be a whole number of blocks.
func (d DType) Bytes(shape ...int) int {
	e, b := d.Block()
	return Numel(shape) / e * b
}

// Numel is the number of elements of a shape; 1 for no axes.
func Numel(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}
