// Package safetensors reads and writes the safetensors format: 8 bytes of
// header length, a JSON header, and tensors end to end.
//
// The reader is as strict as the Rust library, and stricter about duplicate
// keys, which JSON parsers read differently. A file is never trusted for an
// allocation: nothing larger than the header itself is made of it.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"unicode/utf8"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

const op = "safetensors"

// maxHeader is the Rust library's cap.
const maxHeader = 100_000_000

// maxDims bounds a shape; no library writes more.
const maxDims = 16

// width is the bytes of each element type that the format knows.
var width = map[string]int{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
	"F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1}

var dtypes = map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16, "I32": tensor.I32}

// entry is one tensor of the header.
type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int64 // in the data after the header
}

// File is an open safetensors file.
type File struct {
	blob     format.Blob
	data     int64 // where tensors start
	entries  map[string]entry
	names    []string
	Metadata map[string]string
}

// Open reads and checks the header.
func Open(b format.Blob) (*File, error) {
	var head [8]byte
	if b.Size() < 8 {
		return nil, format.NotA(op, "safetensors", b)
	}
	if _, err := b.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, fault.From(op, err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if k := format.SniffBlob(b); k != "safetensors" && k != "binary" && k != "empty" {
		return nil, format.NotA(op, "safetensors", b)
	}
	if n > maxHeader || int64(n) > b.Size()-8 {
		return nil, fault.Inputf(op, "the header claims %d bytes, the file has %d", n, b.Size()).Next("the file is cut short or is not safetensors; get it again")
	}
	raw := make([]byte, n)
	if k, err := b.ReadAt(raw, 8); k < len(raw) {
		return nil, fault.From(op, fmt.Errorf("read header: %w", err))
	}
	if !utf8.Valid(raw) {
		return nil, fault.Inputf(op, "the header is not UTF-8")
	}
	f := &File{blob: b, data: 8 + int64(n), entries: map[string]entry{}, Metadata: map[string]string{}}
	if err := f.parse(raw); err != nil {
		return nil, err
	}
	return f, f.checkLayout()
}

// parse walks the header token by token, so that duplicates are seen.
func (f *File) parse(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	bad := func(err error) error {
		return fault.Inputf(op, "the header is not the JSON that it should be (%v)", err)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bad(fmt.Errorf("no object"))
	}
	seenMeta := false
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return bad(err)
		}
		name := t.(string)
		if name == "__metadata__" {
			if seenMeta {
				return fault.Inputf(op, "__metadata__ stands twice")
			}
			seenMeta = true
			if err := d.Decode(&f.Metadata); err != nil {
				return bad(err)
			}
			continue
		}
		if _, twice := f.entries[name]; twice {
			return fault.Inputf(op, "tensor %q stands twice", name)
		}
		e, err := parseEntry(d, name)
		if err != nil {
			return err
		}
		f.entries[name] = e
		f.names = append(f.names, name)
	}
	if _, err := d.Token(); err != nil {
		return bad(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.Inputf(op, "the header goes on after its object")
	}
	sort.Strings(f.names)
	return nil
}

func parseEntry(d *json.Decoder, name string) (entry, error) {
	var raw struct {
		DType   *string       `json:"dtype"`
		Shape   []json.Number `json:"shape"`
		Offsets []json.Number `json:"data_offsets"`
	}
	bad := func(format string, args ...any) (entry, error) {
		return entry{}, fault.Inputf(op, "tensor %q: "+format, append([]any{name}, args...)...)
	}
	if err := d.Decode(&raw); err != nil {
		return bad("its entry is malformed (%v)", err)
	}
	if raw.DType == nil || raw.Shape == nil || len(raw.Offsets) != 2 {
		return bad("want dtype, shape and two data_offsets")
	}
	w, ok := width[*raw.DType]
	if !ok {
		return entry{}, fault.Unsupportedf(op, "tensor %q has dtype %q", name, *raw.DType)
	}
	if len(raw.Shape) > maxDims {
		return bad("%d axes, want at most %d", len(raw.Shape), maxDims)
	}
	e := entry{name: name, dtype: *raw.DType, shape: []int{}}
	size := int64(w)
	for _, s := range raw.Shape {
		v, err := s.Int64()
		if err != nil || v < 0 || v > math.MaxInt32 || v > 0 && size > math.MaxInt64/v {
			return bad("shape %v is out of range", raw.Shape)
		}
		size *= v
		e.shape = append(e.shape, int(v))
	}
	var err1, err2 error
	e.begin, err1 = raw.Offsets[0].Int64()
	e.end, err2 = raw.Offsets[1].Int64()
	if err1 != nil || err2 != nil || e.begin < 0 || e.end < e.begin {
		return bad("data_offsets %v are out of order", raw.Offsets)
	}
	if e.end-e.begin != size {
		return bad("%d bytes for %s %v, want %d", e.end-e.begin, e.dtype, e.shape, size)
	}
	return e, nil
}

// checkLayout wants tensors to cover the data exactly, without hole or overlap.
func (f *File) checkLayout() error {
	order := append([]string(nil), f.names...)
	sort.Slice(order, func(i, j int) bool {
		a, b := f.entries[order[i]], f.entries[order[j]]
		return a.begin < b.begin || a.begin == b.begin && a.end < b.end
	})
	at := int64(0)
	for _, n := range order {
		e := f.entries[n]
		if e.begin != at {
			return fault.Inputf(op, "tensor %q starts at %d, want %d: data must neither overlap nor leave holes", n, e.begin, at)
		}
		at = e.end
	}
	if have := f.blob.Size() - f.data; have != at {
		return fault.Inputf(op, "the data has %d bytes, the header wants %d", have, at).Next("the file is cut short or damaged; get it again")
	}
	return nil
}
