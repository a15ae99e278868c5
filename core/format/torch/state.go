package torch

import (
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// State is a state_dict: tensors by name. Of names that share their elements,
// such as a tied head's, Names has the first.
type State struct {
	blob    format.Blob
	names   []string // sorted
	tensors map[string]*Tensor
	spent   int64 // bytes read
}

// OpenState opens a file whose value is a state_dict, or a dict that holds one
// as "state_dict" or "module". Values that are no tensors are left out.
func OpenState(b format.Blob) (*State, error) {
	v, err := Open(b)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, fault.Inputf(op, "the file holds a %s, want tensors by name", kindOf(v)).Next("save a state_dict")
	}
	for _, in := range []*Dict{d.Dict("state_dict"), d.Dict("module")} {
		if in != nil {
			d = in
			break
		}
	}
	s := &State{blob: b, tensors: map[string]*Tensor{}}
	seen := map[string]bool{}
	for i, k := range d.Keys {
		name, ok := k.(string)
		t, ok2 := d.Values[i].(*Tensor)
		if !ok || !ok2 {
			continue
		}
		s.tensors[name] = t
		if !seen[t.ID()] {
			seen[t.ID()] = true
			s.names = append(s.names, name)
		}
	}
	if len(s.names) == 0 {
		return nil, fault.Inputf(op, "no tensors by name").Next("save a state_dict")
	}
	slices.Sort(s.names)
	return s, nil
}

// Names lists the tensors, sorted.
func (s *State) Names() []string { return s.names }

// Has reports whether a tensor is there.
func (s *State) Has(name string) bool { return s.tensors[name] != nil }

// Shape is a tensor's shape and type; nil and "" when it is not there.
func (s *State) Shape(name string) ([]int, string) {
	t := s.tensors[name]
	if t == nil {
		return nil, ""
	}
	return t.Shape, t.DType()
}

// Size is a tensor's bytes.
func (s *State) Size(name string) int64 {
	if t := s.tensors[name]; t != nil {
		return t.Bytes()
	}
	return 0
}

// F32 reads a tensor as float32. All that is read in this way must be no more
// than the file: tensors could overlap.
func (s *State) F32(name string) ([]float32, error) {
	t := s.tensors[name]
	if t == nil {
		return nil, fault.Inputf(op, "no tensor %.120q among %d", name, len(s.names))
	}
	if s.spent += t.Bytes(); s.spent > s.blob.Size() {
		return nil, fault.Inputf(op, "tensors of more bytes than the file has: they share their data")
	}
	return t.F32(s.blob)
}

// Tensor is a lazily read tensor: F32, F16, BF16 or I32, whose elements lie in
// order.
func (s *State) Tensor(name string) (tensor.Source, error) {
	t := s.tensors[name]
	if t == nil {
		return nil, fault.Inputf(op, "no tensor %.120q among %d", name, len(s.names))
	}
	k := t.data.kind
	dt := tensor.DType(k.as)
	switch {
	case k.name == "I32":
		dt = tensor.I32
	case k.as < 0 || k.as == asF64:
		return nil, fault.Unsupportedf(op, "tensor %.120q is %s, want F32, F16, BF16 or I32", name, k.name).Next("save it as F32, F16 or BF16")
	case !t.contiguous():
		return nil, fault.Unsupportedf(op, "tensor %.120q does not lie in order", name).Next("save it after contiguous()")
	}
	at, err := t.data.find(t.data.key, t.data.n*k.bytes)
	if err != nil {
		return nil, err
	}
	return format.NewSource(dt, t.Shape, s.blob, at+t.offset*k.bytes), nil
}
