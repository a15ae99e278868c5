package web

import (
	"encoding/hex"
	"io"
	"sync"
	"syscall/js"

	"handful/core/fault"
	"handful/core/format"
)

const (
	ahead = 1 << 18 // a small read fetches this much, for the reads after it
	piece = 4 << 20 // a large read goes in pieces of this size
)

// Blob is a format.Blob over a browser's Blob or File. The bytes stay with the
// browser; small reads are served from a window read ahead. Its methods block
// and must not be called inside a js.FuncOf.
type Blob struct {
	name string
	blob js.Value
	size int64
	sum  string

	mu     sync.Mutex
	window []byte
	at     int64    // where the window begins
	buffer js.Value // an ArrayBuffer that reads go through
}

var _ format.Blob = (*Blob)(nil)

// NewBlob wraps a browser's Blob; name is for messages.
func NewBlob(name string, blob js.Value) *Blob {
	return &Blob{name: name, blob: blob, size: int64(blob.Get("size").Float())}
}

// Summed is the blob with its sha256, which was checked, in hex.
func (b *Blob) Summed(sha256 string) *Blob {
	b.sum = sha256
	return b
}

// mostWhole bounds what the browser may hash, for it wants all of it in memory.
const mostWhole = 512 << 20

// SHA256 is that of the bytes, in hex: as it was checked, else the browser's
// own, which takes a tenth of the time that Go does here. "" where there is
// neither.
func (b *Blob) SHA256() string {
	subtle := js.Global().Get("crypto").Get("subtle") // only in secure contexts
	if b.sum != "" || b.size > mostWhole || !subtle.Truthy() {
		return b.sum
	}
	buf, err := Await(b.blob.Call("arrayBuffer"))
	if err != nil {
		return ""
	}
	digest, err := Await(subtle.Call("digest", "SHA-256", buf))
	if drop(buf); err != nil {
		return ""
	}
	var sum [32]byte
	js.CopyBytesToGo(sum[:], js.Global().Get("Uint8Array").New(digest))
	b.sum = hex.EncodeToString(sum[:])
	return b.sum
}

// Size is the number of bytes.
func (b *Blob) Size() int64 { return b.size }

// ReadAt reads like a file: io.EOF where fewer bytes are left than asked for.
func (b *Blob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.Inputf("read", "%s: got the offset %d, want 0 or more", b.name, off)
	}
	var end error
	if rest := b.size - off; int64(len(p)) > rest {
		p, end = p[:max(0, rest)], io.EOF
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	done := 0
	for done < len(p) {
		at := off + int64(done)
		if in := at - b.at; in >= 0 && in < int64(len(b.window)) {
			done += copy(p[done:], b.window[in:])
			continue
		}
		rest := len(p) - done
		if rest >= ahead {
			n := min(rest, piece)
			if err := b.slice(p[done:done+n], at); err != nil {
				return done, err
			}
			done += n
			continue
		}
		if b.window == nil {
			b.window = make([]byte, 0, min(ahead, b.size))
		}
		b.window = b.window[:min(int64(cap(b.window)), b.size-at)]
		b.at = at
		if err := b.slice(b.window, at); err != nil {
			b.window = b.window[:0]
			return done, err
		}
	}
	return done, end
}

// nowhere is a closed port: what is moved to it is gone.
var nowhere = func() js.Value {
	port := js.Global().Get("MessageChannel").New().Get("port1")
	port.Call("close")
	return port
}()

// drop frees an ArrayBuffer at once: until the browser collects garbage, as much
// as a model takes may lie there.
func drop(buf js.Value) {
	nowhere.Call("postMessage", buf, []any{buf})
}

// slice fills p from the browser.
func (b *Blob) slice(p []byte, at int64) error {
	got, err := b.through(p, b.blob.Call("slice", float64(at), float64(at)+float64(len(p))))
	if err != nil {
		return fault.New(fault.Input, "read", "%s: %w", b.name, err).Next("the file has moved or changed: choose it again")
	}
	if got != len(p) {
		return fault.Inputf("read", "%s: got %d bytes at %d, want %d", b.name, got, at, len(p)).Next("the file has changed: choose it again")
	}
	return nil
}

// through copies a piece of the blob into p by a buffer that is used again and
// again, or, in browsers whose blobs do not fill one, by one of its own.
func (b *Blob) through(p []byte, piece js.Value) (n int, err error) {
	bytes := js.Global().Get("Uint8Array")
	reader := filler(piece)
	if reader.IsUndefined() {
		buf, err := Await(piece.Call("arrayBuffer"))
		if err != nil {
			return 0, err
		}
		defer drop(buf)
		return js.CopyBytesToGo(p, bytes.New(buf)), nil
	}
	if b.buffer.IsUndefined() {
		b.buffer = js.Global().Get("ArrayBuffer").New(ahead)
	}
	for n < len(p) {
		r, err := Await(reader.Call("read", bytes.New(b.buffer, 0, min(ahead, len(p)-n))))
		if err != nil {
			b.buffer = js.Undefined() // it went with the read
			return n, err
		}
		v := r.Get("value") // undefined where the stream was cancelled
		if !v.Truthy() {
			b.buffer = js.Undefined()
			break
		}
		b.buffer = v.Get("buffer")
		n += js.CopyBytesToGo(p[n:], v)
		if r.Get("done").Bool() {
			break
		}
	}
	return n, nil
}

// filler reads a blob into buffers that are given to it; undefined where the
// browser has none.
func filler(blob js.Value) (reader js.Value) {
	defer func() {
		if recover() != nil { // a TypeError: the stream is none of bytes
			reader = js.Undefined()
		}
	}()
	return blob.Call("stream").Call("getReader", map[string]any{"mode": "byob"})
}
