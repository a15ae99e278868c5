package gguf

import (
	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// File is an open GGUF file.
type File struct {
	Version int
	blob    format.Blob
	kv      map[string]any
	names   []string
	tensors map[string]info
}

// Names lists the tensors in the file's order.
func (f *File) Names() []string { return f.names }

// Has reports whether a tensor is there.
func (f *File) Has(name string) bool { _, ok := f.tensors[name]; return ok }

// Shape is a tensor's shape, row-major, and its type as ggml names it; nil and
// "" when it is not there.
func (f *File) Shape(name string) (shape []int, kind string) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, ""
	}
	return t.shape, kinds[t.kind].name
}

// Size is a tensor's bytes, Bytes that of all tensors.
func (f *File) Size(name string) int64 { return f.tensors[name].size }
func (f *File) Bytes() (n int64) {
	for _, t := range f.tensors {
		n += t.size
	}
	return n
}

// Tensor is a lazily read tensor, row-major, of a readable kind; others are
// Unsupported by name.
func (f *File) Tensor(name string) (tensor.Source, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, fault.Inputf(op, "no tensor %s among %d", short(name), len(f.names))
	}
	dt, ok := readable[t.kind]
	if !ok {
		return nil, fault.Unsupportedf(op, "tensor %s is stored as %s, want %s", short(name), kinds[t.kind].name, readableNames).
			Next("take a file of one of these types")
	}
	return format.NewSource(dt, t.shape, f.blob, t.at), nil
}

// Keys gives all metadata: uint64, int64, float64, bool, string, or slices of
// int64, float64, bool and string.
func (f *File) Keys() map[string]any { return f.kv }

// String is a metadata string, "" when missing or of another type.
func (f *File) String(key string) string { s, _ := f.kv[key].(string); return s }

// Bool is a metadata bool; ok is false when missing or of another type.
func (f *File) Bool(key string) (v, ok bool) { v, ok = f.kv[key].(bool); return v, ok }

// Int is a metadata integer; unsigned ones above 2^40 read as 2^40, which is
// out of range wherever one is asked for.
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

// Strings, Ints and Floats are metadata arrays, nil when missing.
func (f *File) Strings(key string) []string { s, _ := f.kv[key].([]string); return s }
func (f *File) Ints(key string) []int64     { s, _ := f.kv[key].([]int64); return s }
func (f *File) Floats(key string) []float64 { s, _ := f.kv[key].([]float64); return s }
