package web

import "syscall/js"

// Parts collects what is written to it as a browser's Blob, a piece at a time:
// Go's memory holds one piece, and the browser may keep the others on disk. The
// zero value is ready.
type Parts struct {
	buf   []byte
	parts []any
}

// Write never fails.
func (w *Parts) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if w.buf == nil {
			w.buf = make([]byte, 0, piece)
		}
		k := min(len(p)-n, cap(w.buf)-len(w.buf))
		w.buf, n = append(w.buf, p[n:n+k]...), n+k
		if len(w.buf) == cap(w.buf) {
			w.flush()
			Yield()
		}
	}
	return len(p), nil
}

func (w *Parts) flush() {
	if len(w.buf) == 0 {
		return
	}
	w.parts = append(w.parts, js.Global().Get("Blob").New([]any{Array(w.buf)}))
	w.buf = w.buf[:0]
}

// Blob is all of it.
func (w *Parts) Blob() js.Value {
	w.flush()
	return js.Global().Get("Blob").New(w.parts)
}

// Array copies bytes into a Uint8Array.
func Array(p []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(p))
	js.CopyBytesToJS(a, p)
	return a
}
