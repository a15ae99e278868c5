package simd

import (
	_ "embed"
	"runtime"
	"syscall/js"

	"handful/core/fault"
)

//go:embed plain.wasm
var plain []byte

//go:embed relaxed.wasm
var relaxed []byte

// Variant is one of the two builds of the kernels.
type Variant string

const (
	Relaxed Variant = "relaxed" // with fused multiply-add: relaxed SIMD
	Plain   Variant = "plain"   // with SIMD alone
)

// Module is a set of loaded kernels. It is not safe for concurrent use.
type Module struct {
	variant Variant
	fn      [kernelCount]js.Value
	scratch []byte    // of the matrix products
	pairs   []float32 // of LogSumExp
}

// Variant tells which build was loaded.
func (m *Module) Variant() Variant { return m.variant }

// Load loads the first of the variants that the engine takes; none given means
// Relaxed, then Plain. It waits for the engine to compile, so it must not be
// called in a js.FuncOf callback. The fault is Unsupported where there is no
// SIMD or the host has not handed in Go's memory: use Go kernels then.
func Load(variants ...Variant) (*Module, error) {
	if len(variants) == 0 {
		variants = []Variant{Relaxed, Plain}
	}
	host := js.Global().Get("__handful")
	if !host.Truthy() || !host.Get("mem").Truthy() {
		return nil, fault.Unsupportedf("simd", "the host has not handed in Go's memory, want globalThis.__handful.mem").
			Next("set it to instance.exports.mem before go.run")
	}
	api := js.Global().Get("WebAssembly")
	for _, v := range variants {
		code := plain
		if v == Relaxed {
			code = relaxed
		}
		bytes := js.Global().Get("Uint8Array").New(len(code))
		js.CopyBytesToJS(bytes, code)
		if !api.Call("validate", bytes).Bool() {
			continue
		}
		env := map[string]any{"env": map[string]any{"mem": host.Get("mem")}}
		result, err := await(api.Call("instantiate", bytes, env))
		if err != nil {
			return nil, err
		}
		exports := result.Get("instance").Get("exports")
		m := &Module{variant: v, scratch: make([]byte, exports.Call("scratch_bytes").Int())}
		for i, name := range kernelNames {
			m.fn[i] = exports.Get(name)
		}
		return m, nil
	}
	return nil, fault.Unsupportedf("simd", "the engine takes none of the variants %v", variants).
		Next("go on with the kernels in Go")
}

// await blocks until a promise settles. What it is rejected with becomes an
// Unsupported fault: the bytes are valid, so the engine lacks something.
func await(promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		ok    bool
	}
	settled := make(chan outcome, 1)
	settle := func(ok bool) js.Func {
		return js.FuncOf(func(_ js.Value, args []js.Value) any {
			settled <- outcome{args[0], ok}
			return nil
		})
	}
	resolve, reject := settle(true), settle(false)
	defer resolve.Release()
	defer reject.Release()
	promise.Call("then", resolve, reject)
	o := <-settled
	runtime.KeepAlive(promise)
	if !o.ok {
		return js.Value{}, fault.Unsupportedf("simd", "the engine refused the kernels: %s", o.value.Call("toString").String())
	}
	return o.value, nil
}
