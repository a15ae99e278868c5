// Package gguf reads GGUF, llama.cpp's model files: metadata, then tensor
// descriptions, then aligned data.
//
// A file is never trusted for an allocation: lists grow as they are read and
// every length is held against what is left of the file.
package gguf

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"handful/core/fault"
	"handful/core/format"
)

const op = "gguf"

// Caps on what a file may claim, as in llama.cpp's own reader.
const (
	maxKeys    = 1 << 16
	maxTensors = 1 << 16
	maxName    = 1 << 16
	maxDims    = 4
	maxAlign   = 1 << 20
)

// info is one tensor's description.
type info struct {
	name   string
	shape  []int
	kind   uint32
	offset uint64 // from the start of the data
	at     int64  // in the file
	size   int64
}

// Open reads metadata and tensor descriptions.
func Open(b format.Blob) (*File, error) {
	f, err := open(b)
	return f, fault.Or(err, "the file is damaged; get it again")
}

func open(b format.Blob) (*File, error) {
	if format.SniffBlob(b) != "gguf" {
		return nil, format.NotA(op, "a GGUF file", b)
	}
	r := newReader(b)
	r.u32() // the magic
	version := r.u32()
	switch {
	case r.err != nil:
		return nil, r.err
	case version&0xffff == 0 && version != 0:
		return nil, fault.Unsupportedf(op, "a big-endian file").Next("convert it to little-endian")
	case version != 2 && version != 3:
		return nil, fault.Unsupportedf(op, "version %d, want 2 or 3", version).Next("convert the model with a llama.cpp that writes one of them")
	}
	tensors, keys := r.u64(), r.u64()
	if r.err == nil && (tensors > maxTensors || keys > maxKeys) {
		return nil, fault.Inputf(op, "claims %d tensors and %d keys, want at most %d and %d", tensors, keys, maxTensors, maxKeys)
	}
	f := &File{Version: int(version), blob: b, kv: map[string]any{}, tensors: map[string]info{}}
	for ; keys > 0 && r.err == nil; keys-- {
		key := r.name("key")
		if _, twice := f.kv[key]; twice {
			r.fail("key %s stands twice", short(key))
		}
		v := r.value(key)
		f.kv[key] = v
	}
	var infos []info
	for ; tensors > 0 && r.err == nil; tensors-- {
		infos = append(infos, r.info())
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := f.place(infos, b.Size()-r.left); err != nil {
		return nil, err
	}
	return f, nil
}

// name reads a key or a tensor's name.
func (r *reader) name(what string) string {
	s := r.string(maxName)
	if r.err == nil && (s == "" || !utf8.ValidString(s)) {
		r.fail("a %s that is empty or not UTF-8", what)
	}
	return s
}

// info reads one tensor's description: name, axes with the fastest first,
// kind, offset.
func (r *reader) info() info {
	t := info{name: r.name("tensor name")}
	dims := r.u32()
	if r.err == nil && (dims == 0 || dims > maxDims) {
		r.fail("tensor %s has %d axes, want 1 to %d", short(t.name), dims, maxDims)
	}
	numel := int64(1)
	for ; dims > 0 && r.err == nil; dims-- {
		d := r.u64()
		if r.err == nil && (d == 0 || d > math.MaxInt32 || numel > math.MaxInt64/16/int64(d)) {
			r.fail("tensor %s: an axis of %d is out of range", short(t.name), d)
			break
		}
		numel *= int64(d)
		t.shape = append(t.shape, int(d))
	}
	t.kind, t.offset = r.u32(), r.u64()
	if r.err != nil {
		return t
	}
	k, ok := kinds[t.kind]
	switch {
	case !ok:
		r.err = fault.Unsupportedf(op, "tensor %s is stored as ggml type %d, want %s", short(t.name), t.kind, readableNames).
			Next("take a file of one of these types")
	case int64(t.shape[0])%k.elems != 0:
		r.fail("tensor %s: rows of %d are no whole blocks of %d (%s)", short(t.name), t.shape[0], k.elems, k.name)
	default:
		t.size = numel / k.elems * k.bytes
	}
	slices.Reverse(t.shape)
	return t
}

// place holds the tensors against the file: names once, offsets aligned, all
// inside and none over another. end is where the descriptions end.
func (f *File) place(infos []info, end int64) error {
	align := int64(32)
	if v, ok := f.kv["general.alignment"]; ok {
		n, ok := v.(uint64)
		if !ok || n == 0 || n > maxAlign || n&(n-1) != 0 {
			return fault.Inputf(op, "general.alignment is %v, want a power of two", v)
		}
		align = int64(n)
	}
	data := (end + align - 1) / align * align
	for i := range infos {
		t := &infos[i]
		if f.Has(t.name) {
			return fault.Inputf(op, "tensor %s stands twice", short(t.name))
		}
		if t.offset%uint64(align) != 0 {
			return fault.Inputf(op, "tensor %s: offset %d, want a multiple of %d", short(t.name), t.offset, align)
		}
		if have := f.blob.Size() - data; t.size > have || t.offset > uint64(have-t.size) {
			return fault.Inputf(op, "tensor %s: %d bytes at %d of the data, which has %d", short(t.name), t.size, t.offset, max(0, have)).
				Next("the file is cut short or damaged; get it again")
		}
		t.at = data + int64(t.offset)
		f.tensors[t.name] = *t
		f.names = append(f.names, t.name)
	}
	slices.SortFunc(infos, func(a, b info) int { return int(min(1, max(-1, a.at-b.at))) })
	for i := 1; i < len(infos); i++ {
		if a, b := infos[i-1], infos[i]; a.at+a.size > b.at {
			return fault.Inputf(op, "tensors %s and %s overlap", short(a.name), short(b.name))
		}
	}
	return nil
}

// short quotes a name out of a file for a message.
func short(s string) string {
	if len(s) > 120 {
		return fmt.Sprintf("%q…", s[:120])
	}
	return fmt.Sprintf("%q", s)
}
