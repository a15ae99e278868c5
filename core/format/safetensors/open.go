// Package safetensors reads and writes the safetensors format: 8 bytes of
// header length, a JSON header, and tensors end to end.
//
// The reader is as strict as the Rust library, and stricter about duplicate
// and unknown keys, which JSON parsers read differently. A file is never
// trusted for an allocation: the header is read when the file is known to hold
// it, and what is made of it is in proportion to it.
package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"handful/core/fault"
	"handful/core/format"
)

const op = "safetensors"

// maxHeader is the Rust library's cap.
const maxHeader = 100_000_000

// maxDims bounds a shape; no library writes more.
const maxDims = 16

// entry is one tensor of the header. It is kept small (40 bytes and 8 a
// dimension), so that a header full of tensors costs less than twice itself.
type entry struct {
	name       string
	begin, end int64 // in the data after the header
	dims       uint32
	rank       uint8
	dtype      uint8 // index of dtypes
}

// File is an open safetensors file.
type File struct {
	blob     format.Blob
	data     int64   // where tensors start
	entries  []entry // by name
	dims     []int   // all shapes end to end
	Metadata map[string]string
}

// Open reads and checks the header.
func Open(b format.Blob) (*File, error) {
	f, err := open(b)
	return f, fault.Or(err, "the file is damaged, or something else wrote it than a safetensors library; get it again")
}

func open(b format.Blob) (*File, error) {
	if k := format.SniffBlob(b); k != "safetensors" && k != "binary" || b.Size() < 8 {
		return nil, format.NotA(op, "safetensors", b)
	}
	var head [8]byte
	if err := format.ReadFull(op, b, head[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || int64(n) > b.Size()-8 {
		return nil, fault.Inputf(op, "the header claims %d bytes, the file has %d; want at most %d", n, b.Size(), maxHeader).
			Next("the file is cut short or is not safetensors; get it again")
	}
	raw := make([]byte, n)
	if err := format.ReadFull(op, b, raw, 8); err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return nil, fault.Inputf(op, "the header is not UTF-8")
	}
	f := &File{blob: b, data: 8 + int64(n), Metadata: map[string]string{}}
	if err := f.parse(unsafe.String(unsafe.SliceData(raw), len(raw))); err != nil {
		return nil, err
	}
	return f, f.check()
}

// parse walks the header twice: once to check and count, so that a broken one
// costs nothing, and once to keep what is there.
func (f *File) parse(header string) error {
	tensors, dims := 0, 0
	if err := walk(header, func(e entry, shape []int) { tensors++; dims += len(shape) }, func(string, string) {}); err != nil {
		return err
	}
	f.entries, f.dims = make([]entry, 0, tensors), make([]int, 0, dims)
	var twice string
	err := walk(header, func(e entry, shape []int) {
		e.dims = uint32(len(f.dims))
		f.dims = append(f.dims, shape...)
		f.entries = append(f.entries, e)
	}, func(k, v string) {
		if _, have := f.Metadata[k]; have {
			twice = k
		}
		f.Metadata[strings.Clone(k)] = strings.Clone(v)
	})
	if err == nil && twice != "" {
		return fault.Inputf(op, "__metadata__ names %s twice", short(twice))
	}
	return err
}

// walk calls tensor and meta for what the header lists, in its order. The
// shape is valid during the call only.
func walk(header string, tensor func(e entry, shape []int), meta func(k, v string)) error {
	p := &scanner{s: header}
	var shape [maxDims]int
	seen := false
	p.object(func(name string) {
		if name == "__metadata__" {
			if seen {
				p.fail("__metadata__ stands twice")
			}
			seen = true
			p.object(func(k string) {
				if v := p.text(); p.err == nil {
					meta(k, v)
				}
			})
			return
		}
		if e := p.entry(name, &shape); p.err == nil {
			tensor(e, shape[:e.rank])
		}
	})
	if p.err == nil && p.next() != 0 || p.at < len(p.s) {
		p.fail("more than one object")
	}
	return p.err
}

// entry reads {"dtype", "shape", "data_offsets"} in any order and holds size
// against type and shape.
func (p *scanner) entry(name string, shape *[maxDims]int) entry {
	e := entry{name: name}
	seen, offsets := map[string]bool{}, 0
	dtype := ""
	p.object(func(key string) {
		if seen[key] {
			p.fail("tensor %s: %s stands twice", short(name), short(key))
			return
		}
		seen[key] = true
		switch key {
		case "dtype":
			dtype = p.text()
		case "shape":
			p.items('[', ']', func() {
				n := p.number()
				if n > math.MaxInt32 || e.rank == maxDims {
					p.fail("tensor %s: a shape out of range: want at most %d axes below 2^31", short(name), maxDims)
					return
				}
				shape[e.rank] = int(n)
				e.rank++
			})
		case "data_offsets":
			p.items('[', ']', func() {
				e.begin, e.end = e.end, p.number()
				offsets++
			})
		default:
			p.fail("tensor %s: unknown key %s, want dtype, shape and data_offsets", short(name), short(key))
		}
	})
	if p.err != nil {
		return e
	}
	if len(seen) != 3 || offsets != 2 || e.begin > e.end {
		p.fail("tensor %s: want dtype, shape and two rising data_offsets", short(name))
		return e
	}
	i := slices.IndexFunc(dtypes, func(d dtypeInfo) bool { return d.name == dtype })
	if i < 0 {
		p.err = fault.Unsupportedf(op, "tensor %s has dtype %s", short(name), short(dtype)).Next("save it as F32, F16 or BF16")
		return e
	}
	e.dtype = uint8(i)
	if size, ok := dtypes[i].size(shape[:e.rank]); !ok || size != e.end-e.begin {
		p.fail("tensor %s: %d bytes for %s %v, want %s", short(name), e.end-e.begin, dtype, shape[:e.rank], sizeOr(size, ok))
	}
	return e
}

func sizeOr(n int64, ok bool) string {
	if !ok {
		return "a size below 2^63 in whole bytes"
	}
	return fmt.Sprint(n)
}

// check wants every name once and tensors to cover the data exactly, without
// hole or overlap. It leaves entries in order of their names.
func (f *File) check() error {
	slices.SortFunc(f.entries, func(a, b entry) int {
		if a.begin != b.begin {
			return int(min(1, max(-1, a.begin-b.begin)))
		}
		return int(min(1, max(-1, a.end-b.end)))
	})
	at := int64(0)
	for _, e := range f.entries {
		if e.begin != at {
			return fault.Inputf(op, "tensor %s starts at %d, want %d: data must neither overlap nor leave holes", short(e.name), e.begin, at)
		}
		at = e.end
	}
	if have := f.blob.Size() - f.data; have != at {
		return fault.Inputf(op, "the data has %d bytes, the header wants %d", have, at).Next("the file is cut short or damaged; get it again")
	}
	slices.SortFunc(f.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(f.entries); i++ {
		if f.entries[i].name == f.entries[i-1].name {
			return fault.Inputf(op, "tensor %s stands twice", short(f.entries[i].name))
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
