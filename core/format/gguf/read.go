// Package gguf reads GGUF, llama.cpp's model files: metadata, then tensor
// descriptions, then aligned data.
//
// A file is never trusted for an allocation: lists grow as they are read and
// every length is held against what is left of the file.
package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

const op = "gguf"

// Caps on what a file may claim, as in llama.cpp's own reader.
const (
	maxKeys    = 1 << 16
	maxTensors = 1 << 16
	maxKeyLen  = 1 << 16
	maxString  = 16 << 20
	maxDims    = 4
)

// Types of metadata values.
const (
	tU8 = iota
	tI8
	tU16
	tI16
	tU32
	tI32
	tF32
	tBool
	tString
	tArray
	tU64
	tI64
	tF64
)

// File is an open GGUF file.
type File struct {
	blob    format.Blob
	kv      map[string]any
	names   []string
	tensors map[string]*source
}

type reader struct {
	r    *bufio.Reader
	left int64
	err  error
}

// section lets a blob be read front to back.
type section struct {
	b   format.Blob
	off int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.off >= s.b.Size() {
		return 0, io.EOF
	}
	if rest := s.b.Size() - s.off; int64(len(p)) > rest {
		p = p[:rest]
	}
	n, err := s.b.ReadAt(p, s.off)
	s.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Open reads metadata and tensor descriptions.
func Open(b format.Blob) (*File, error) {
	if format.SniffBlob(b) != "gguf" {
		return nil, format.NotA(op, "a GGUF file", b)
	}
	r := &reader{r: bufio.NewReaderSize(&section{b: b}, 1<<18), left: b.Size()}
	r.bytes(4)
	version := r.u32()
	if r.err == nil && version != 2 && version != 3 {
		return nil, fault.Unsupportedf(op, "version %d, want 2 or 3", version)
	}
	nt, nk := r.u64(), r.u64()
	if r.err == nil && (nt > maxTensors || nk > maxKeys) {
		return nil, fault.Inputf(op, "claims %d tensors and %d keys, want at most %d and %d", nt, nk, maxTensors, maxKeys)
	}
	f := &File{blob: b, kv: map[string]any{}, tensors: map[string]*source{}}
	for i := uint64(0); i < nk && r.err == nil; i++ {
		key := r.string(maxKeyLen)
		if _, twice := f.kv[key]; twice || key == "" && r.err == nil {
			return nil, fault.Inputf(op, "key %q is empty or stands twice", key)
		}
		f.kv[key] = r.value(r.u32(), 0)
	}
	infos, err := readInfos(r, nt)
	if err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.fault()
	}
	return f, f.place(infos, b.Size()-r.left)
}

type info struct {
	name   string
	shape  []int
	kind   uint32
	offset uint64
}

func readInfos(r *reader, n uint64) (out []info, err error) {
	for i := uint64(0); i < n && r.err == nil; i++ {
		t := info{name: r.string(maxKeyLen)}
		dims := r.u32()
		if r.err == nil && (dims == 0 || dims > maxDims) {
			return nil, fault.Inputf(op, "tensor %q has %d axes, want 1 to %d", t.name, dims, maxDims)
		}
		size := int64(1)
		t.shape = make([]int, dims%(maxDims+1))
		for k := range t.shape {
			d := r.u64()
			if r.err != nil {
				break
			}
			if d == 0 || d > math.MaxInt32 || size > math.MaxInt64/8/int64(d) {
				return nil, fault.Inputf(op, "tensor %q: an axis of %d is out of range", t.name, d)
			}
			size *= int64(d)
			t.shape[len(t.shape)-1-k] = int(d) // GGUF lists the fastest axis first
		}
		t.kind, t.offset = r.u32(), r.u64()
		out = append(out, t)
	}
	return out, nil
}

// place turns descriptions into sources, each inside the file.
func (f *File) place(infos []info, at int64) error {
	align := int64(32)
	if v, ok := f.kv["general.alignment"]; ok {
		n, ok := v.(uint64)
		if !ok || n == 0 || n > 1<<20 || n&(n-1) != 0 {
			return fault.Inputf(op, "alignment %v, want a power of two", v)
		}
		align = int64(n)
	}
	data := (at + align - 1) / align * align
	for _, t := range infos {
		if f.tensors[t.name] != nil || t.name == "" {
			return fault.Inputf(op, "tensor name %q is empty or stands twice", t.name)
		}
		dt, ok := dtypes[t.kind]
		if !ok {
			name := typeNames[t.kind]
			if name == "" {
				name = fmt.Sprintf("type %d", t.kind)
			}
			return fault.Unsupportedf(op, "tensor %q is stored as %s, want F32, F16, BF16, Q8_0, Q4_0 or Q4_1", t.name, name).
				Next("take a file of one of these types")
		}
		elems, _ := dt.Block()
		if t.shape[len(t.shape)-1]%elems != 0 {
			return fault.Inputf(op, "tensor %q: rows of %d are no whole blocks of %d", t.name, t.shape[len(t.shape)-1], elems)
		}
		size := int64(dt.Bytes(t.shape...))
		if t.offset%uint64(align) != 0 || t.offset > uint64(f.blob.Size()) || data+int64(t.offset)+size > f.blob.Size() {
			return fault.Inputf(op, "tensor %q lies outside the file (%d bytes at %d of %d)", t.name, size, data+int64(t.offset), f.blob.Size()).
				Next("the file is cut short or damaged; get it again")
		}
		f.tensors[t.name] = &source{f.blob, dt, t.shape, data + int64(t.offset), size}
		f.names = append(f.names, t.name)
	}
	return nil
}

var dtypes = map[uint32]tensor.DType{0: tensor.F32, 1: tensor.F16, 2: tensor.Q4_0, 3: tensor.Q4_1, 8: tensor.Q8_0, 30: tensor.BF16}

var typeNames = map[uint32]string{6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K",
	16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64"}

func (r *reader) fault() error {
	return fault.Inputf(op, "the file ends early or is damaged (%v)", r.err).Next("get it again")
}

func (r *reader) bytes(n int) []byte {
	if r.err == nil && int64(n) > r.left {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	b := make([]byte, n)
	_, r.err = io.ReadFull(r.r, b)
	r.left -= int64(n)
	return b
}

func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

func (r *reader) string(limit int) string {
	n := r.u64()
	if r.err == nil && (n > uint64(limit) || int64(n) > r.left) {
		r.err = fmt.Errorf("a string of %d bytes", n)
	}
	if r.err != nil {
		return ""
	}
	return string(r.bytes(int(n)))
}

// value reads a metadata value: integers as uint64 or int64, floats as
// float64, bool, string, and arrays as []string, []int64, []float64 or []bool.
func (r *reader) value(t uint32, depth int) any {
	switch t {
	case tU8:
		return uint64(r.bytes(1)[0])
	case tI8:
		return int64(int8(r.bytes(1)[0]))
	case tU16:
		return uint64(binary.LittleEndian.Uint16(r.bytes(2)))
	case tI16:
		return int64(int16(binary.LittleEndian.Uint16(r.bytes(2))))
	case tU32:
		return uint64(r.u32())
	case tI32:
		return int64(int32(r.u32()))
	case tU64:
		return r.u64()
	case tI64:
		return int64(r.u64())
	case tF32:
		return float64(math.Float32frombits(r.u32()))
	case tF64:
		return math.Float64frombits(r.u64())
	case tBool:
		return r.bytes(1)[0] != 0
	case tString:
		return r.string(maxString)
	case tArray:
		if depth == 0 {
			return r.array()
		}
	}
	if r.err == nil {
		r.err = fmt.Errorf("a value of type %d", t)
	}
	return nil
}

func (r *reader) array() any {
	t, n := r.u32(), r.u64()
	var s []string
	var i []int64
	var f []float64
	var b []bool
	for k := uint64(0); k < n && r.err == nil; k++ {
		switch v := r.value(t, 1).(type) {
		case string:
			s = append(s, v)
		case int64:
			i = append(i, v)
		case uint64:
			i = append(i, int64(v))
		case float64:
			f = append(f, v)
		case bool:
			b = append(b, v)
		}
	}
	switch {
	case s != nil:
		return s
	case i != nil:
		return i
	case f != nil:
		return f
	}
	return b
}
