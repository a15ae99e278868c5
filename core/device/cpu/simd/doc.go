// Package simd is the fast path of the cpu device in a browser: WebAssembly
// SIMD kernels that compute on Go's own memory.
//
// Go compiles to WebAssembly without SIMD. The modules plain.wasm and
// relaxed.wasm fill the gap: they import the memory of the running Go program
// and are given raw addresses, so nothing is copied. They are written in Go,
// by the assembler and the kernels under gen, and hold the same functions; the
// relaxed one rounds a·b + c once where the processor can (relaxed SIMD).
//
// The program that starts Go must leave its memory where Load looks for it,
// before it runs it:
//
//	globalThis.__handful = { mem: instance.exports.mem };
//	go.run(instance);
//
// Load and Module exist for GOOS=js only.
package simd

//go:generate go run ./gen
