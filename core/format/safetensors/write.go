package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"sort"

	"handful/core/tensor"
)

// Tensor is an F32 tensor to write.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Encode writes F32 tensors in order of their names with metadata
// {"format": "pt"} plus meta, which is how the Python library writes them: the
// same tensors give the same bytes.
func Encode(ts []Tensor, meta map[string]string) ([]byte, error) {
	ts = append([]Tensor(nil), ts...)
	sort.Slice(ts, func(i, j int) bool { return ts[i].Name < ts[j].Name })
	type spec struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	m := map[string]string{"format": "pt"}
	for k, v := range meta {
		m[k] = v
	}
	var head bytes.Buffer
	put := func(key string, v any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if head.Len() > 1 {
			head.WriteByte(',')
		}
		head.Write(k)
		head.WriteByte(':')
		head.Write(b)
		return nil
	}
	head.WriteByte('{')
	if err := put("__metadata__", m); err != nil {
		return nil, err
	}
	at := 0
	for _, t := range ts {
		if err := put(t.Name, spec{"F32", t.Shape, [2]int{at, at + 4*len(t.Data)}}); err != nil {
			return nil, err
		}
		at += 4 * len(t.Data)
	}
	head.WriteByte('}')
	for head.Len()%8 != 0 {
		head.WriteByte(' ')
	}
	out := make([]byte, 8, 8+head.Len()+at)
	binary.LittleEndian.PutUint64(out, uint64(head.Len()))
	out = append(out, head.Bytes()...)
	for _, t := range ts {
		out = append(out, tensor.F32Bytes(t.Data)...)
	}
	return out, nil
}
