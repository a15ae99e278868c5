package safetensors

import (
	"encoding/binary"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// Names lists the tensors, sorted.
func (f *File) Names() []string {
	names := make([]string, len(f.entries))
	for i, e := range f.entries {
		names[i] = e.name
	}
	return names
}

// find looks a tensor up by name.
func (f *File) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(f.entries, name, func(e entry, n string) int { return strings.Compare(e.name, n) })
	if !ok {
		return entry{}, false
	}
	return f.entries[i], true
}

func (f *File) shape(e entry) []int {
	return f.dims[e.dims : e.dims+uint32(e.rank) : e.dims+uint32(e.rank)]
}

// Has reports whether a tensor is there.
func (f *File) Has(name string) bool { _, ok := f.find(name); return ok }

// Shape is a tensor's shape and element type as the file names it; nil and ""
// when it is not there.
func (f *File) Shape(name string) (shape []int, dtype string) {
	e, ok := f.find(name)
	if !ok {
		return nil, ""
	}
	return f.shape(e), dtypes[e.dtype].name
}

// Size is a tensor's bytes.
func (f *File) Size(name string) int64 { e, _ := f.find(name); return e.end - e.begin }

// Tensor is a lazily read tensor: F32, F16, BF16 or I32; others are
// Unsupported by name.
func (f *File) Tensor(name string) (tensor.Source, error) {
	e, err := f.want(name)
	if err != nil {
		return nil, err
	}
	dt, ok := readable[dtypes[e.dtype].name]
	if !ok {
		return nil, fault.Unsupportedf(op, "tensor %s has dtype %s, want F32, F16, BF16 or I32", short(name), dtypes[e.dtype].name).Next("save it as F32, F16 or BF16")
	}
	return format.NewSource(dt, f.shape(e), f.blob, f.data+e.begin), nil
}

func (f *File) want(name string) (entry, error) {
	e, ok := f.find(name)
	if !ok {
		return e, fault.Inputf(op, "no tensor %s among %d", short(name), len(f.entries))
	}
	return e, nil
}

// F32 reads a tensor as float32.
func (f *File) F32(name string) ([]float32, error) {
	s, err := f.Tensor(name)
	if err != nil {
		return nil, err
	}
	if s.DType() == tensor.I32 {
		return nil, fault.Inputf(op, "tensor %s is I32, want floats", short(name))
	}
	return tensor.ReadF32(s)
}

// Ints reads an I32 or I64 tensor.
func (f *File) Ints(name string) ([]int64, error) {
	e, err := f.want(name)
	if err != nil {
		return nil, err
	}
	dtype := dtypes[e.dtype].name
	if dtype != "I64" && dtype != "I32" {
		return nil, fault.Inputf(op, "tensor %s is %s, want integers", short(name), dtype)
	}
	b := make([]byte, e.end-e.begin)
	if err := format.ReadFull(op, f.blob, b, f.data+e.begin); err != nil {
		return nil, err
	}
	out := make([]int64, tensor.Numel(f.shape(e)))
	for i := range out {
		if dtype == "I64" {
			out[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		} else {
			out[i] = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	}
	return out, nil
}
