// Package tensor holds what a tensor is before it meets a device: element
// types, shapes, ranged byte sources and named variables.
package tensor

import "fmt"

// DType is an element type. The quantised ones are GGUF's blocks of 32
// elements along the last axis, little-endian:
//
//	Q8_0  f16 d, 32 × i8                     x = d·q
//	Q4_0  f16 d, 16 B of nibbles             x = d·(q−8)
//	Q4_1  f16 d, f16 m, 16 B of nibbles      x = d·q + m
//
// Byte i of the nibbles holds element i in its low and element i+16 in its
// high half (ggml's layout).
type DType uint8

const (
	F32 DType = iota
	F16
	BF16
	I32
	Q8_0
	Q4_0
	Q4_1
)

var dtypes = [...]struct {
	name         string
	elems, bytes int
}{{"F32", 1, 4}, {"F16", 1, 2}, {"BF16", 1, 2}, {"I32", 1, 4}, {"Q8_0", 32, 34}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20}}

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
