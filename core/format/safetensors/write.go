package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/tensor"
)

// Tensor is an F32 tensor to write.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Encode writes F32 tensors with metadata {"format": "pt"} plus meta.
func Encode(ts []Tensor, meta map[string]string) ([]byte, error) {
	m := map[string]string{"format": "pt"}
	maps.Copy(m, meta)
	list := make([]item, len(ts))
	for i, t := range ts {
		if len(t.Data) != tensor.Numel(t.Shape) {
			return nil, fault.New(fault.Bug, op, "tensor %s: %d values for shape %v", short(t.Name), len(t.Data), t.Shape)
		}
		list[i] = item{t.Name, slices.Index(dtypes, dtypeInfo{"F32", 32}), t.Shape, int64(4 * len(t.Data)), bytes.NewReader(tensor.F32Bytes(t.Data))}
	}
	var out bytes.Buffer
	if err := write(&out, list, m); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Write streams sources to w, byte for byte as the Python library would: by
// falling alignment of their types, then by name, after a header padded to 8
// bytes. GGUF's quantised types have no name in the format.
func Write(w io.Writer, ts map[string]tensor.Source, meta map[string]string) error {
	var list []item
	for name, s := range ts {
		dtype := slices.IndexFunc(dtypes, func(d dtypeInfo) bool { dt, ok := readable[d.name]; return ok && dt == s.DType() })
		if dtype < 0 {
			return fault.Unsupportedf(op, "tensor %s is %v, which the format has no name for", short(name), s.DType())
		}
		list = append(list, item{name, dtype, s.Shape(), int64(s.DType().Bytes(s.Shape()...)), s})
	}
	return write(w, list, meta)
}

// item is a tensor to write, of any type of the format.
type item struct {
	name  string
	dtype int // index of dtypes
	shape []int
	size  int64
	data  io.ReaderAt
}

// write sorts the items.
func write(w io.Writer, ts []item, meta map[string]string) error {
	slices.SortFunc(ts, func(a, b item) int {
		if a.dtype != b.dtype {
			return a.dtype - b.dtype
		}
		return strings.Compare(a.name, b.name)
	})
	head, err := header(ts, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, t := range ts {
		if _, err := io.Copy(w, io.NewSectionReader(t.data, 0, t.size)); err != nil {
			return err
		}
	}
	return nil
}

// header is the length and the JSON header of items in order.
func header(ts []item, meta map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8, 1024))
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	var err error
	put := func(open byte, key string, v any) {
		b.WriteByte(open)
		for i, x := range []any{key, v} {
			if i == 1 {
				b.WriteByte(':')
			}
			if e := enc.Encode(x); e != nil {
				err = e
			}
			b.Truncate(b.Len() - 1) // Encode's newline
		}
	}
	open := byte('{')
	if len(meta) > 0 {
		put(open, "__metadata__", meta)
		open = ','
	}
	at, last := int64(0), ""
	for i, t := range ts {
		if t.name == "__metadata__" || i > 0 && t.name == last {
			return nil, fault.New(fault.Bug, op, "tensor %s: the name is taken", short(t.name))
		}
		if t.shape == nil {
			t.shape = []int{}
		}
		put(open, t.name, struct {
			DType   string   `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{dtypes[t.dtype].name, t.shape, [2]int64{at, at + t.size}})
		open, at, last = ',', at+t.size, t.name
	}
	if open == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), err
}
