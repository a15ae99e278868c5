package formattest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// GGUF makes small files, right and wrong ones: every field is written as it
// stands. Zero values of Version, Align and the counts mean what the rest of
// the file says.
type GGUF struct {
	Magic   string // "GGUF"
	Version uint32 // 3
	Align   int    // 32; does not write the key
	NumKV   uint64
	NumT    uint64
	KV      []KV
	Tensors []GGUFTensor
	Tail    []byte // after the data
}

// KV is a metadata value: an integer, float, bool, string, a slice of them, or
// Raw for a type and bytes of its own.
type KV struct {
	Key   string
	Value any
}

// Raw is a value as it stands in the file: its type, then its bytes.
type Raw struct {
	Type  uint32
	Bytes []byte
}

// GGUFTensor is a tensor with its axes in GGUF's order, the fastest first. A
// negative Offset means the next aligned place.
type GGUFTensor struct {
	Name   string
	Dims   []uint64
	Kind   uint32
	Offset int64
	Data   []byte
}

// Bytes writes the file.
func (g GGUF) Bytes() []byte {
	var b, data bytes.Buffer
	align := or(g.Align, 32)
	b.WriteString(or(g.Magic, "GGUF"))
	put(&b, or(g.Version, 3), or(g.NumT, uint64(len(g.Tensors))), or(g.NumKV, uint64(len(g.KV))))
	for _, kv := range g.KV {
		text(&b, kv.Key)
		value(&b, kv.Value)
	}
	for _, t := range g.Tensors {
		at := t.Offset
		if at < 0 {
			data.Write(make([]byte, -data.Len()&(align-1)))
			at = int64(data.Len())
		}
		text(&b, t.Name)
		put(&b, uint32(len(t.Dims)), t.Dims, t.Kind, uint64(at))
		data.Write(t.Data)
	}
	b.Write(make([]byte, -b.Len()&(align-1)))
	b.Write(data.Bytes())
	b.Write(g.Tail)
	return b.Bytes()
}

func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func put(b *bytes.Buffer, vs ...any) {
	for _, v := range vs {
		if s, ok := v.(string); ok {
			b.WriteString(s)
			continue
		}
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // a type that GGUF has no name for
		}
	}
}

func text(b *bytes.Buffer, s string) { put(b, uint64(len(s)), s) }

func value(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case Raw:
		put(b, v.Type, v.Bytes)
	case string:
		put(b, uint32(8))
		text(b, v)
	case []string:
		put(b, uint32(9), uint32(8), uint64(len(v)))
		for _, s := range v {
			text(b, s)
		}
	case []int32:
		put(b, uint32(9), uint32(5), uint64(len(v)), v)
	case []float32:
		put(b, uint32(9), uint32(6), uint64(len(v)), v)
	case []uint8:
		put(b, uint32(9), uint32(0), uint64(len(v)), v)
	default:
		kind, ok := map[string]uint32{"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "uint32": 4, "int32": 5, "float32": 6, "bool": 7, "uint64": 10, "int64": 11, "float64": 12}[fmt.Sprintf("%T", v)]
		if !ok {
			panic(fmt.Sprintf("no GGUF type for %T", v))
		}
		put(b, kind, v)
	}
}
