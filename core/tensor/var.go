package tensor

import (
	"fmt"
	"io"
	"math"
	"unsafe"
)

// Source is a tensor at rest: ranged little-endian bytes of its DType.
// ReadAt follows io.ReaderAt. ID names the content, so that equal tensors are
// uploaded once; "" means unknown.
type Source interface {
	DType() DType
	Shape() []int
	ReadAt(p []byte, off int64) (int, error)
	ID() string
}

// Var is a named tensor that lives on a device across programs: a weight, a
// trained parameter, an optimiser moment, a key/value cache. A device uploads
// Init on first use (zeros when Init is nil) and keeps the value until it is
// freed. Two Vars are the same variable iff they are the same pointer.
type Var struct {
	Name      string
	Shape     []int
	DType     DType
	Trainable bool // gradients may be asked for; F32 only
	Frozen    bool // never written: a device in Go's memory may compute with Init's values where they are
	Init      Source
}

// NewVar makes a variable that starts as src.
func NewVar(name string, src Source) *Var {
	return &Var{Name: name, Shape: src.Shape(), DType: src.DType(), Init: src}
}

// Zeros makes an F32 variable that starts as zeros.
func Zeros(name string, shape ...int) *Var { return &Var{Name: name, Shape: shape, DType: F32} }

// FromF32 makes an F32 variable from values, which are kept, not copied.
func FromF32(name string, values []float32, shape ...int) *Var {
	return NewVar(name, F32Source(values, shape...))
}

// Bytes is the variable's size at rest.
func (v *Var) Bytes() int { return v.DType.Bytes(v.Shape...) }

func (v *Var) String() string { return fmt.Sprintf("%s %v %v", v.Name, v.DType, v.Shape) }

type memSource struct {
	dt    DType
	shape []int
	data  []byte
	id    string
}

func (m *memSource) DType() DType { return m.dt }
func (m *memSource) Shape() []int { return m.shape }
func (m *memSource) ID() string   { return m.id }
func (m *memSource) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// MemSource is a Source over bytes in memory. Its length must be what type and
// shape want; anything else is a programmer error and panics.
func MemSource(dt DType, shape []int, data []byte, id string) Source {
	if len(data) != dt.Bytes(shape...) {
		panic(fmt.Sprintf("tensor: %d bytes for %v %v, want %d", len(data), dt, shape, dt.Bytes(shape...)))
	}
	return &memSource{dt, shape, data, id}
}

// F32Source is a Source over float32 values in memory.
func F32Source(v []float32, shape ...int) Source { return MemSource(F32, shape, F32Bytes(v), "") }

// F32Values are a source's values where they lie in memory, without a copy; nil
// where they do not.
func F32Values(s Source) []float32 {
	m, ok := s.(*memSource)
	if !ok || m.dt != F32 || len(m.data) == 0 || uintptr(unsafe.Pointer(&m.data[0]))%4 != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m.data[0])), len(m.data)/4)
}

// F32Bytes views float32 values as their little-endian bytes, without a copy.
func F32Bytes(v []float32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*4)
}

// I32Bytes views int32 values as their little-endian bytes, without a copy.
func I32Bytes(v []int32) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*4)
}

// BytesF32 copies little-endian bytes into new float32 values.
func BytesF32(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	copy(F32Bytes(v), b)
	return v
}

// ReadAll reads the whole of a source.
func ReadAll(s Source) ([]byte, error) {
	b := make([]byte, s.DType().Bytes(s.Shape()...))
	n, err := s.ReadAt(b, 0)
	if n == len(b) {
		err = nil
	}
	return b, err
}

// ReadF32 reads a source of any floating or quantised type as float32.
func ReadF32(s Source) ([]float32, error) {
	b, err := ReadAll(s)
	if err != nil {
		return nil, err
	}
	if s.DType() == F32 {
		return BytesF32(b), nil
	}
	v := make([]float32, Numel(s.Shape()))
	Decode(s.DType(), v, b)
	return v, nil
}

// Finite reports whether every value is finite.
func Finite(v []float32) bool {
	for _, x := range v {
		if math.Float32bits(x)&0x7f800000 == 0x7f800000 {
			return false
		}
	}
	return true
}
