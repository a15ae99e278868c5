package gguf

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"

	"handful/core/fault"
	"handful/core/format"
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

// Bytes of a value by its type; strings and arrays at least their length.
var width = [...]int{tU8: 1, tI8: 1, tU16: 2, tI16: 2, tU32: 4, tI32: 4, tF32: 4, tBool: 1, tString: 8, tArray: 12, tU64: 8, tI64: 8, tF64: 8}

const (
	// maxHead bounds metadata and descriptions, maxElems an array; the largest
	// vocabularies take less than 32 MB and 1M elements.
	maxHead   = 64 << 20
	maxElems  = 8 << 20
	maxString = 16 << 20
	window    = 256 << 10 // read ahead: one crossing to a browser's file each
)

// reader reads a file front to back. The first fault stays in err; after it
// every read gives zeros.
type reader struct {
	r    *bufio.Reader
	left int64 // of the whole file
	head int64 // of maxHead
	err  error
	word [8]byte
}

func newReader(b format.Blob) *reader {
	size := b.Size()
	return &reader{r: bufio.NewReaderSize(io.NewSectionReader(b, 0, size), window), left: size, head: maxHead}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fault.Inputf(op, format, args...).Next("the file is damaged; get it again")
	}
}

// has makes sure that n more bytes may be read.
func (r *reader) has(n int64) bool {
	switch {
	case r.err != nil:
	case n > r.left:
		r.fail("want %d more bytes, the file has %d", n, r.left)
	case n > r.head:
		r.fail("metadata of more than %d MB", maxHead>>20)
	}
	return r.err == nil
}

// fill reads len(p) bytes, zeros after a fault.
func (r *reader) fill(p []byte) {
	if r.has(int64(len(p))) {
		if _, err := io.ReadFull(r.r, p); err != nil {
			r.fail("the file cannot be read: %v", err)
		}
		r.left -= int64(len(p))
		r.head -= int64(len(p))
	}
	if r.err != nil {
		clear(p)
	}
}

func (r *reader) fixed(n int) []byte { p := r.word[:n]; r.fill(p); return p }
func (r *reader) u32() uint32        { return binary.LittleEndian.Uint32(r.fixed(4)) }
func (r *reader) u64() uint64        { return binary.LittleEndian.Uint64(r.fixed(8)) }

func (r *reader) string(limit uint64) string {
	n := r.u64()
	if n > limit {
		r.fail("a string of %d bytes, want at most %d", n, limit)
	}
	if !r.has(int64(min(n, limit))) {
		return ""
	}
	if n > window { // longer than what is read ahead
		p := make([]byte, n)
		r.fill(p)
		return string(p)
	}
	p, err := r.r.Peek(int(n))
	if err != nil {
		r.fail("the file cannot be read: %v", err)
		return ""
	}
	s := string(p)
	r.r.Discard(int(n)) // cannot fail: the bytes have been seen
	r.left -= int64(n)
	r.head -= int64(n)
	return s
}

// value reads a metadata value with its type: integers as uint64 or int64,
// floats as float64, bool, string, and arrays as []string, []int64, []float64
// or []bool.
func (r *reader) value(key string) any {
	t := r.u32()
	switch {
	case r.err != nil:
	case t == tArray:
		return r.array(key)
	case t == tString:
		return r.string(maxString)
	case t >= uint32(len(width)):
		r.fail("%s is of type %d, which GGUF does not have", short(key), t)
	default:
		p := r.fixed(width[t])
		switch t {
		case tU8, tU16, tU32, tU64:
			return uint64(integer(t, p))
		case tF32, tF64:
			return float(t, p)
		case tBool:
			return p[0] != 0
		}
		return integer(t, p)
	}
	return nil
}

// array reads elements of one type; lists grow as they are read.
func (r *reader) array(key string) any {
	t, n := r.u32(), r.u64()
	switch {
	case r.err != nil:
		return nil
	case t == tArray:
		r.err = fault.Unsupportedf(op, "%s is an array of arrays", short(key)).Next("write the file without it")
		return nil
	case t >= uint32(len(width)):
		r.fail("%s is an array of type %d, which GGUF does not have", short(key), t)
		return nil
	case n > maxElems || n > uint64(r.left)/uint64(width[t]):
		r.fail("%s claims %d elements, want at most %d and the file has %d bytes left", short(key), n, maxElems, r.left)
		return nil
	}
	switch t {
	case tString:
		out := make([]string, 0, min(n, 1<<12))
		for ; n > 0 && r.err == nil; n-- {
			out = append(out, r.string(maxString))
		}
		return out
	case tF32, tF64:
		return elements(r, t, n, float)
	case tBool:
		return elements(r, t, n, func(_ uint32, p []byte) bool { return p[0] != 0 })
	}
	return elements(r, t, n, integer)
}

// elements reads n numbers in pieces.
func elements[T any](r *reader, t uint32, n uint64, get func(uint32, []byte) T) (out []T) {
	const piece = 4096
	w := width[t]
	buf := make([]byte, w*int(min(n, piece)))
	for n > 0 && r.err == nil {
		p := buf[:w*int(min(n, piece))]
		r.fill(p)
		for i := 0; i < len(p); i += w {
			out = append(out, get(t, p[i:i+w]))
		}
		n -= uint64(len(p) / w)
	}
	return out
}

func integer(t uint32, p []byte) int64 {
	le := binary.LittleEndian
	switch t {
	case tU8:
		return int64(p[0])
	case tI8:
		return int64(int8(p[0]))
	case tU16:
		return int64(le.Uint16(p))
	case tI16:
		return int64(int16(le.Uint16(p)))
	case tU32:
		return int64(le.Uint32(p))
	case tI32:
		return int64(int32(le.Uint32(p)))
	}
	return int64(le.Uint64(p))
}

func float(t uint32, p []byte) float64 {
	if t == tF32 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(p))
}
