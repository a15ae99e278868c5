package gguf

import (
	"bytes"
	"encoding/binary"
	"io"

	"handful/core/fault"
	"handful/core/tensor"
)

// KV is a metadata value to write: a string, uint32, float32 or bool.
type KV struct {
	Key   string
	Value any
}

// Tensor is a tensor to write, row-major.
type Tensor struct {
	Name string
	tensor.Source
}

// align is where tensors begin, in bytes: the format's default.
const align = 32

// Write streams a version 3 file.
func Write(w io.Writer, kv []KV, ts []Tensor) error {
	var b bytes.Buffer
	le := binary.LittleEndian
	u32 := func(v uint32) { b.Write(le.AppendUint32(nil, v)) }
	u64 := func(v uint64) { b.Write(le.AppendUint64(nil, v)) }
	text := func(s string) { u64(uint64(len(s))); b.WriteString(s) }
	b.WriteString("GGUF")
	u32(3)
	u64(uint64(len(ts)))
	u64(uint64(len(kv)))
	for _, x := range kv {
		text(x.Key)
		switch v := x.Value.(type) {
		case string:
			u32(tString)
			text(v)
		case uint32:
			u32(tU32)
			u32(v)
		case float32:
			u32(tF32)
			b.Write(tensor.F32Bytes([]float32{v}))
		case bool:
			u32(tBool)
			b.WriteByte(map[bool]byte{true: 1}[v])
		default:
			return fault.New(fault.Bug, op, "%s: no way to write a %T", x.Key, v)
		}
	}
	at, sizes := uint64(0), make([]int64, len(ts))
	for i, t := range ts {
		kind, ok := stored(t.DType())
		if !ok || len(t.Shape()) == 0 || len(t.Shape()) > maxDims {
			return fault.New(fault.Bug, op, "tensor %s: no way to write %v %v", short(t.Name), t.DType(), t.Shape())
		}
		text(t.Name)
		u32(uint32(len(t.Shape())))
		for k := len(t.Shape()) - 1; k >= 0; k-- { // the fastest axis first
			u64(uint64(t.Shape()[k]))
		}
		u32(kind)
		u64(at)
		sizes[i] = int64(t.DType().Bytes(t.Shape()...))
		at += uint64(sizes[i]+align-1) / align * align
	}
	pad(&b, int64(b.Len()))
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	for i, t := range ts {
		if _, err := io.Copy(w, io.NewSectionReader(t, 0, sizes[i])); err != nil {
			return err
		}
		if err := pad(w, sizes[i]); err != nil {
			return err
		}
	}
	return nil
}

// pad fills up to a whole number of align.
func pad(w io.Writer, n int64) error {
	_, err := w.Write(make([]byte, -n&(align-1)))
	return err
}

// stored is a type's number in the file.
func stored(dt tensor.DType) (uint32, bool) {
	for kind, x := range readable {
		if x == dt {
			return kind, true
		}
	}
	return 0, false
}
