// Package asm is a small WebAssembly assembler: functions are built from
// typed expressions (I32, F32, V128) and structured statements, and encoded
// to the binary format of the WebAssembly 2.0 specification (with SIMD).
//
// An expression is code that leaves one value; using it twice emits it twice,
// so shared values belong in locals. Statements are methods of Func and of
// locals, and are emitted in the order of the calls:
//
//	f := m.Func("fill")                    // fill(dst, n): n floats of one
//	dst, n := f.Arg(), f.Arg()
//	f.While(n.I32, func() {
//		f.StoreF32(dst, 0, asm.Float(1))
//		dst.Set(dst.Plus(4))
//		n.Set(n.Plus(-1))
//	})
//
// Mistakes of the builder panic: the assembler runs when code is generated,
// never in the product.
package asm

// Module is a WebAssembly module that imports its memory as env.mem and
// exports its named functions.
type Module struct{ funcs []*Func }

// Func starts a function. A name exports it; "" keeps it inside the module.
func (m *Module) Func(name string) *Func {
	f := &Func{name: name, index: len(m.funcs)}
	m.funcs = append(m.funcs, f)
	return f
}

// Binary encodes the module.
func (m *Module) Binary() []byte {
	var types, funcs, exports, bodies [][]byte
	typeOf := map[string]int{}
	for _, f := range m.funcs {
		sig := f.signature()
		t, known := typeOf[string(sig)]
		if !known {
			t = len(types)
			typeOf[string(sig)] = t
			types = append(types, sig)
		}
		funcs = append(funcs, uleb(uint64(t)))
		bodies = append(bodies, sized(f.encode()))
		if f.name != "" {
			exports = append(exports, cat(name(f.name), []byte{0}, uleb(uint64(f.index))))
		}
	}
	memory := cat(name("env"), name("mem"), []byte{2, 0, 1}) // a memory of at least one page
	return cat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, types), section(2, [][]byte{memory}), section(3, funcs),
		section(7, exports), section(10, bodies),
	)
}

func section(id byte, items [][]byte) []byte {
	return cat([]byte{id}, sized(cat(uleb(uint64(len(items))), cat(items...))))
}

func name(s string) []byte { return sized([]byte(s)) }

func sized(b []byte) []byte { return cat(uleb(uint64(len(b))), b) }

func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// uleb and sleb are the unsigned and signed LEB128 integers of the format.
func uleb(v uint64) []byte {
	var out []byte
	for ; v >= 0x80; v >>= 7 {
		out = append(out, byte(v)|0x80)
	}
	return append(out, byte(v))
}

func sleb(v int64) []byte {
	var out []byte
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
