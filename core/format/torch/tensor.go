package torch

import (
	"encoding/binary"
	"fmt"
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// element is an element type: its name, its bytes, and as what its values can be
// read; −1 where they cannot.
type element struct {
	name  string
	bytes int64
	as    int
}

// asF64 is double, which has no tensor.DType.
const asF64 = 1 << 8

// storages are the element types by the storage classes' names.
var storages = map[string]element{
	"FloatStorage": {"F32", 4, int(tensor.F32)}, "HalfStorage": {"F16", 2, int(tensor.F16)}, "BFloat16Storage": {"BF16", 2, int(tensor.BF16)},
	"DoubleStorage": {"F64", 8, asF64}, "IntStorage": {"I32", 4, -1}, "LongStorage": {"I64", 8, -1}, "ShortStorage": {"I16", 2, -1},
	"CharStorage": {"I8", 1, -1}, "ByteStorage": {"U8", 1, -1}, "BoolStorage": {"BOOL", 1, -1},
}

// storage is a tensor's data: n elements at a place that is looked up when the
// tensor is read.
type storage struct {
	kind element
	key  string
	n    int64
	find func(key string, size int64) (int64, error)
}

// Tensor is a tensor of a file. It is read by F32.
type Tensor struct {
	Shape   []int
	data    *storage
	offset  int64
	strides []int64
}

// DType is the element type as safetensors names it; Bytes the tensor's size.
func (t *Tensor) DType() string { return t.data.kind.name }
func (t *Tensor) Bytes() int64  { return int64(tensor.Numel(t.Shape)) * t.data.kind.bytes }

// maxDims bounds a tensor's axes.
const maxDims = 8

// newTensor checks that all elements lie in the storage, and are not more than
// it has: no tensor is larger than its file.
func newTensor(s *storage, offset int64, shape, strides Tuple) (*Tensor, error) {
	t := &Tensor{data: s, offset: offset, Shape: []int{}}
	if len(shape) != len(strides) || len(shape) > maxDims || offset < 0 {
		return nil, fault.Inputf(op, "a tensor of %d axes with %d strides, want the same and at most %d", len(shape), len(strides), maxDims)
	}
	wrong := func() error {
		return fault.Inputf(op, "a tensor of shape %.80s and strides %.80s in a storage of %d elements", fmt.Sprint([]any(shape)), fmt.Sprint([]any(strides)), s.n)
	}
	numel := int64(1)
	for i := range shape {
		n, ok := shape[i].(int64)
		step, ok2 := strides[i].(int64)
		if !ok || !ok2 || n < 0 || n > math.MaxInt32 || step < 0 || step > math.MaxInt32 || n > 0 && numel > math.MaxInt64/n {
			return nil, wrong()
		}
		numel *= n
		t.Shape, t.strides = append(t.Shape, int(n)), append(t.strides, step)
	}
	if numel == 0 {
		return t, nil
	}
	left := s.n - offset - 1 // that the last element may be from the first
	for i, n := range t.Shape {
		if step := t.strides[i]; step > 0 && int64(n-1) > left/step {
			return nil, wrong()
		}
		left -= int64(n-1) * t.strides[i]
	}
	if left < 0 || numel > s.n {
		return nil, wrong()
	}
	return t, nil
}

// contiguous tells whether elements lie in order.
func (t *Tensor) contiguous() bool {
	want := int64(1)
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] != 1 && t.strides[i] != want {
			return false
		}
		want *= int64(t.Shape[i])
	}
	return true
}

// F32 reads the tensor's floats, row-major.
func (t *Tensor) F32(b format.Blob) ([]float32, error) {
	k := t.data.kind
	if k.as < 0 {
		return nil, fault.Unsupportedf(op, "a tensor of %s, want floats", k.name)
	}
	numel := tensor.Numel(t.Shape)
	if numel == 0 {
		return []float32{}, nil
	}
	at, err := t.data.find(t.data.key, t.data.n*k.bytes)
	if err != nil {
		return nil, err
	}
	first, n := t.offset, int64(numel)
	if !t.contiguous() {
		n = t.last() + 1 - first
	}
	raw := make([]byte, n*k.bytes)
	if err := format.ReadFull(op, b, raw, at+first*k.bytes); err != nil {
		return nil, err
	}
	v := widen(k, raw)
	if t.contiguous() {
		return v, nil
	}
	out := make([]float32, 0, numel)
	t.walk(0, 0, func(i int64) { out = append(out, v[i]) })
	return out, nil
}

// last is the place of the last element in the storage.
func (t *Tensor) last() int64 {
	at := t.offset
	for i, n := range t.Shape {
		at += int64(n-1) * t.strides[i]
	}
	return at
}

// walk visits the elements' places, from the first, in row-major order.
func (t *Tensor) walk(axis int, at int64, visit func(int64)) {
	if axis == len(t.Shape) {
		visit(at)
		return
	}
	for range t.Shape[axis] {
		t.walk(axis+1, at, visit)
		at += t.strides[axis]
	}
}

func widen(k element, raw []byte) []float32 {
	if k.as != asF64 {
		dt := tensor.DType(k.as)
		v := make([]float32, int64(len(raw))/k.bytes)
		tensor.Decode(dt, v, raw)
		return v
	}
	v := make([]float32, len(raw)/8)
	for i := range v {
		v[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
	}
	return v
}

func (t *Tensor) String() string { return fmt.Sprintf("%s %v", t.DType(), t.Shape) }

// ID names the tensor's elements: equal ones are the same elements of one
// storage.
func (t *Tensor) ID() string { return fmt.Sprint(t.data.key, t.offset, t.Shape, t.strides) }
