package asm

import (
	"bytes"
	"testing"
)

// TestEncoding holds a small module against bytes worked out by hand from the
// specification.
func TestEncoding(t *testing.T) {
	var m Module
	f := m.Func("inc")
	p, x := f.Arg(), f.ArgF32()
	n := f.Let(p.Plus(-1))
	f.If(n.I32, func() { f.StoreF32(p, 4, x.Add(Float(1))) })
	want := cat([]byte("\x00asm\x01\x00\x00\x00"),
		[]byte{1, 6, 1, 0x60, 2, 0x7f, 0x7d, 0},                       // types
		[]byte{2, 12, 1, 3, 'e', 'n', 'v', 3, 'm', 'e', 'm', 2, 0, 1}, // import
		[]byte{3, 2, 1, 0},                         // functions
		[]byte{7, 7, 1, 3, 'i', 'n', 'c', 0, 0},    // exports
		[]byte{10, 31, 1, 29, 1, 1, 0x7f},          // code, one local
		[]byte{0x20, 0, 0x41, 0x7f, 0x6a, 0x21, 2}, // n = p + -1
		[]byte{0x20, 2, 0x04, 0x40},                // if n
		[]byte{0x20, 0, 0x20, 1, 0x43, 0, 0, 0x80, 0x3f, 0x92, 0x38, 0, 4, 0x0b, 0x0b}, // p[1] = x + 1
	)
	if got := m.Binary(); !bytes.Equal(got, want) {
		t.Errorf("got\n% x, want\n% x", got, want)
	}
}

func TestLEB128(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want []byte
	}{
		{uleb(0), []byte{0}}, {uleb(127), []byte{0x7f}}, {uleb(128), []byte{0x80, 1}}, {uleb(624485), []byte{0xe5, 0x8e, 0x26}},
		{sleb(0), []byte{0}}, {sleb(63), []byte{0x3f}}, {sleb(64), []byte{0xc0, 0}}, {sleb(-1), []byte{0x7f}},
		{sleb(-64), []byte{0x40}}, {sleb(-65), []byte{0xbf, 0x7f}}, {sleb(-123456), []byte{0xc0, 0xbb, 0x78}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("got % x, want % x", c.got, c.want)
		}
	}
}

// TestWrongUsePanics: the builder's mistakes end the generator.
func TestWrongUsePanics(t *testing.T) {
	for name, wrong := range map[string]func(m *Module){
		"parameter after a local": func(m *Module) { f := m.Func("f"); f.Int(); f.Arg() },
		"too few arguments":       func(m *Module) { g := m.Func("g"); g.Arg(); m.Func("f").Call(g) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wrong(&Module{})
		})
	}
}
