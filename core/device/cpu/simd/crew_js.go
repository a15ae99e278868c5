package simd

import (
	"bytes"
	"runtime"
	"syscall/js"

	"handful/core/tensor"
)

// Crew multiplies by frozen weights on several processors, where the host lends
// some: helpers that hold the weights in a memory of their own (wasm/js/crew.mjs).
// Products are those of Module to rounding: it does not matter how many help.
type Crew struct {
	js   js.Value
	dead bool
}

// Hire hires a crew for m's kernels; nil where there can be none. Like Load, it
// waits.
func Hire(m *Module) *Crew {
	host := js.Global().Get("__handful")
	hire := host.Get("crew")
	if hire.Type() != js.TypeFunction {
		return nil
	}
	code := plain
	if m.variant == Relaxed {
		code = relaxed
	}
	code = shared(code)
	array := js.Global().Get("Uint8Array").New(len(code))
	js.CopyBytesToJS(array, code)
	names := make([]any, 0, len(decoders))
	for k := dequantF16; k <= dequantQ6_K; k++ {
		names = append(names, kernelNames[k])
	}
	crew, err := await(hire.Invoke(array, names, host.Get("mem")))
	if err != nil || !crew.Truthy() {
		return nil
	}
	return &Crew{js: crew}
}

// shared is a module for a memory that is shared, of at most 1 GB: such imports
// are told apart.
func shared(code []byte) []byte {
	const memory = "\x01\x03env\x03mem\x02"
	return bytes.Replace(code, []byte("\x02\x0c"+memory+"\x00\x01"), []byte("\x02\x0f"+memory+"\x03\x01\x80\x80\x01"), 1)
}

// Dismiss lets the helpers go.
func (c *Crew) Dismiss() {
	c.dead = true
	c.js.Call("dismiss")
}

// Processors is how many compute, the engine's own among them.
func (c *Crew) Processors() int { return c.js.Get("shares").Int() }

// Weight is a matrix [rows, cols] that the crew holds.
type Weight struct {
	c           *Crew
	at          int
	decoder     kernel
	elems, size int
	rows, cols  int
}

// Hold gives the crew a weight; nil where it has no room or does not know the
// type.
func (c *Crew) Hold(dt tensor.DType, rows, cols int, raw []byte) *Weight {
	k, known := decoders[dt]
	if dt == tensor.F32 {
		k, known = dequantF16-1, true // as it is
	}
	elems, size := dt.Block()
	if c.dead || !known || cols%elems != 0 {
		return nil
	}
	at := c.js.Call("put", address(raw), len(raw)).Int()
	runtime.KeepAlive(raw)
	if at == 0 {
		return nil
	}
	return &Weight{c, at, k - dequantF16, elems, size, rows, cols}
}

// Bytes copies the weight's bytes [lo, hi) out of the crew's memory, where they
// lie even when the crew is gone.
func (w *Weight) Bytes(lo, hi int) []byte {
	raw := make([]byte, hi-lo)
	w.c.js.Call("get", w.at+lo, address(raw), len(raw))
	runtime.KeepAlive(raw)
	return raw
}

// Free takes the weight away.
func (w *Weight) Free() { w.c.js.Call("free", w.at) }

// Mul is y [n, rows] = x [n, cols]·Wᵀ, or y [n, cols] = x [n, rows]·W where
// backward is set. false means that the crew is gone; y is then to be computed
// anew.
func (w *Weight) Mul(y, x []float32, n int, backward bool) bool {
	if w.c.dead {
		return false
	}
	kind, nx, ny := 1, w.cols, w.rows
	if backward {
		kind, nx, ny = 2, w.rows, w.cols
	}
	matrix("Mul", "x", len(x), n, nx, nx)
	matrix("Mul", "y", len(y), n, ny, ny)
	ok := w.c.js.Call("run", kind, w.at, int(w.decoder), w.elems, w.size, w.rows, w.cols, address(x), address(y), n).Bool()
	runtime.KeepAlive(x)
	runtime.KeepAlive(y)
	w.c.dead = !ok
	return ok
}
