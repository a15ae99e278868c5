package gguf

import (
	"io"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// Names lists the tensors in the file's order.
func (f *File) Names() []string { return f.names }

// Tensor is a lazily read tensor, row-major.
func (f *File) Tensor(name string) (tensor.Source, error) {
	s := f.tensors[name]
	if s == nil {
		return nil, fault.Inputf(op, "no tensor %q", name)
	}
	return s, nil
}

// Has reports whether a tensor is there.
func (f *File) Has(name string) bool { return f.tensors[name] != nil }

// Bytes is the size of all tensors.
func (f *File) Bytes() (n int64) {
	for _, t := range f.tensors {
		n += t.size
	}
	return n
}

// Keys gives all metadata: uint64, int64, float64, bool, string, or slices of
// int64, float64, bool and string.
func (f *File) Keys() map[string]any { return f.kv }

// String is a metadata string, "" when missing or of another type.
func (f *File) String(key string) string { s, _ := f.kv[key].(string); return s }

// Int is a metadata integer.
func (f *File) Int(key string) (int, bool) {
	switch v := f.kv[key].(type) {
	case uint64:
		return int(min(v, 1<<40)), true
	case int64:
		return int(v), true
	}
	return 0, false
}

// Float is a metadata number.
func (f *File) Float(key string) (float64, bool) {
	if v, ok := f.kv[key].(float64); ok {
		return v, true
	}
	i, ok := f.Int(key)
	return float64(i), ok
}

// Strings and Ints are metadata arrays, nil when missing.
func (f *File) Strings(key string) []string { s, _ := f.kv[key].([]string); return s }
func (f *File) Ints(key string) []int64     { s, _ := f.kv[key].([]int64); return s }

type source struct {
	blob  format.Blob
	dt    tensor.DType
	shape []int
	at    int64
	size  int64
}

func (s *source) DType() tensor.DType { return s.dt }
func (s *source) Shape() []int        { return s.shape }
func (s *source) ID() string          { return "" }
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	n, err := s.blob.ReadAt(p, s.at+off)
	if n == len(p) {
		if err = nil; short {
			err = io.EOF
		}
	}
	return n, err
}
