package torch

import (
	"fmt"

	"handful/core/fault"
)

// global is a name on the list, with what calling it makes; nil: it is only
// named, such as a storage's class or an argument of defaultdict.
type global struct {
	name string
	make func(args Tuple) (any, error)
}

// globals is the whole of what a file may name.
var globals = map[string]func(Tuple) (any, error){
	"collections.OrderedDict":         emptyDict,
	"collections.defaultdict":         emptyDict,
	"torch._utils._rebuild_tensor":    rebuildTensor,
	"torch._utils._rebuild_tensor_v2": rebuildTensor,
	"torch._utils._rebuild_parameter": firstOf[*Tensor],
	"torch.Size":                      firstOf[Tuple],
	"torch.device":                    opaque,
	"builtins.set":                    opaque,
	"builtins.frozenset":              opaque,
	"builtins.complex":                opaque,
	"builtins.bytearray":              opaque,
	"builtins.dict":                   nil,
	"builtins.list":                   nil,
	"builtins.tuple":                  nil,
	"builtins.int":                    nil,
	"builtins.float":                  nil,
	"builtins.bool":                   nil,
	"builtins.str":                    nil,
	"_codecs.encode":                  encoded,
}

// dtypes may be named too, as torch.NAME.
var dtypes = []string{"float32", "float", "float64", "double", "float16", "half", "bfloat16", "uint8", "int8", "int16", "short", "int32", "int", "int64", "long", "bool",
	"complex64", "complex128", "strided", "sparse_coo", "preserve_format", "contiguous_format"}

func init() {
	for _, n := range dtypes {
		globals["torch."+n] = nil
	}
	for n := range storages {
		globals["torch."+n] = nil
	}
}

// find gives a name on the list and refuses any other.
func find(module, name string) (*global, error) {
	if module == "__builtin__" {
		module = "builtins" // Python 2's, which protocol 2 writes
	}
	full := module + "." + name
	make, ok := globals[full]
	if !ok {
		return nil, fault.Unsupportedf(op, "the file wants %.160q, which could run code: only tensors and plain values are read", full).
			Next("load it with PyTorch and save its state_dict alone")
	}
	return &global{full, make}, nil
}

func emptyDict(Tuple) (any, error) { return &Dict{}, nil }

func opaque(args Tuple) (any, error) { return Opaque("value"), nil }

// firstOf is a maker that keeps its first argument.
func firstOf[T any](args Tuple) (any, error) {
	if len(args) > 0 {
		if v, ok := args[0].(T); ok {
			return v, nil
		}
		if l, ok := args[0].(*List); ok {
			return Tuple(l.Items), nil
		}
	}
	return nil, fault.Inputf(op, "a value of %d parts that cannot be put together", len(args))
}

// encoded is what protocol 2 makes of bytes: text whose characters they are.
func encoded(args Tuple) (any, error) {
	if len(args) == 2 {
		text, ok := args[0].(string)
		if coding, ok2 := args[1].(string); ok && ok2 && coding == "latin1" {
			out := make([]byte, 0, len(text))
			for _, r := range text {
				out = append(out, byte(r))
			}
			return out, nil
		}
	}
	return nil, fault.Inputf(op, "bytes that are no latin1")
}

// rebuildTensor is _rebuild_tensor(storage, offset, size, stride), of which v2
// has requires_grad and hooks more.
func rebuildTensor(args Tuple) (any, error) {
	if len(args) >= 4 {
		s, ok := args[0].(*storage)
		offset, ok2 := args[1].(int64)
		shape, ok3 := args[2].(Tuple)
		strides, ok4 := args[3].(Tuple)
		if ok && ok2 && ok3 && ok4 {
			return newTensor(s, offset, shape, strides)
		}
	}
	return nil, fault.Inputf(op, "a tensor of %d parts that cannot be put together", len(args))
}

// persistent is what a storage is written as: ("storage", class, key, location,
// elements), and in the old format a view, which no longer is written.
func (m *machine) persistent(id any) (any, error) {
	t, ok := id.(Tuple)
	if !ok || len(t) < 5 || t[0] != any("storage") {
		return nil, fault.Inputf(op, "a reference to %.60v, want a storage", kindOf(id))
	}
	class, ok := t[1].(*global)
	key, ok2 := t[2].(string)
	n, ok3 := t[4].(int64)
	if !ok || !ok2 || !ok3 || n < 0 || n > maxElements {
		return nil, fault.Inputf(op, "a malformed reference to a storage")
	}
	kind, ok := storages[trimTorch(class.name)]
	if !ok {
		return nil, fault.Unsupportedf(op, "a storage of class %.80q", class.name)
	}
	if len(t) > 5 && t[5] != nil {
		return nil, fault.Unsupportedf(op, "storage %.40q is a view of another", key).Next("save it with a newer PyTorch")
	}
	if _, err := m.find(key, n*kind.bytes); err != nil {
		return nil, err
	}
	return &storage{kind, key, n, m.find}, nil
}

// maxElements bounds a storage: its bytes stay in an int64.
const maxElements = 1 << 40

func trimTorch(name string) string {
	if len(name) > 6 && name[:6] == "torch." {
		return name[6:]
	}
	return ""
}

// kindOf names a value's type for a message.
func kindOf(v any) string {
	switch v := v.(type) {
	case *global:
		return v.name
	case nil:
		return "None"
	}
	return fmt.Sprintf("%T", v)
}
