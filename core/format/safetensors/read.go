package safetensors

import (
	"encoding/binary"
	"io"

	"handful/core/fault"
	"handful/core/tensor"
)

// Names lists the tensors, sorted.
func (f *File) Names() []string { return f.names }

// Has reports whether a tensor is there.
func (f *File) Has(name string) bool { _, ok := f.entries[name]; return ok }

// Shape is a tensor's shape and element type as the file names it.
func (f *File) Shape(name string) (shape []int, dtype string) {
	e := f.entries[name]
	return e.shape, e.dtype
}

// Tensor is a lazily read tensor: F32, F16, BF16 or I32; others are
// Unsupported by name.
func (f *File) Tensor(name string) (tensor.Source, error) {
	e, ok := f.entries[name]
	if !ok {
		return nil, fault.Inputf(op, "no tensor %q", name)
	}
	dt, ok := dtypes[e.dtype]
	if !ok {
		return nil, fault.Unsupportedf(op, "tensor %q has dtype %s, want F32, F16, BF16 or I32", name, e.dtype)
	}
	return &source{f, e, dt}, nil
}

// F32 reads a tensor as float32.
func (f *File) F32(name string) ([]float32, error) {
	s, err := f.Tensor(name)
	if err != nil {
		return nil, err
	}
	if s.DType() == tensor.I32 {
		return nil, fault.Inputf(op, "tensor %q is I32, want floats", name)
	}
	return tensor.ReadF32(s)
}

// Ints reads an I32 or I64 tensor.
func (f *File) Ints(name string) ([]int64, error) {
	e, ok := f.entries[name]
	if !ok {
		return nil, fault.Inputf(op, "no tensor %q", name)
	}
	if e.dtype != "I64" && e.dtype != "I32" {
		return nil, fault.Inputf(op, "tensor %q is %s, want integers", name, e.dtype)
	}
	b := make([]byte, e.end-e.begin)
	if n, err := f.blob.ReadAt(b, f.data+e.begin); n < len(b) {
		return nil, fault.From(op, err)
	}
	out := make([]int64, tensor.Numel(e.shape))
	for i := range out {
		if e.dtype == "I64" {
			out[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		} else {
			out[i] = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	}
	return out, nil
}

type source struct {
	f  *File
	e  entry
	dt tensor.DType
}

func (s *source) DType() tensor.DType { return s.dt }
func (s *source) Shape() []int        { return s.e.shape }
func (s *source) ID() string          { return "" }
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	have := s.e.end - s.e.begin
	if off < 0 || off > have {
		return 0, io.EOF
	}
	short := int64(len(p)) > have-off
	if short {
		p = p[:have-off]
	}
	n, err := s.f.blob.ReadAt(p, s.f.data+s.e.begin+off)
	if n == len(p) {
		if err = nil; short {
			err = io.EOF
		}
	}
	return n, err
}

// Size is a tensor's bytes.
func (f *File) Size(name string) int64 { e := f.entries[name]; return e.end - e.begin }
