package main

import (
	"handful/core/device/cpu/simd/gen/asm"
	"handful/core/tensor"
)

// dequant emits the decoders of stored weights. Quantised ones take a count of
// blocks, the others of elements; the layouts are tensor.DType's:
//
//	dequant_f16, dequant_bf16(dst, src, n)
//	dequant_q8_0, …(dst, src, blocks)
//
// Products and sums are rounded one by one in both variants, so that all give
// the same bits as the decoder in Go.
func (k *kernels) dequant() {
	k.halves("dequant_f16", widenHalf)
	k.halves("dequant_bf16", func(_ *asm.Func, h asm.VarV128) asm.V128 { return h.IShl(16) })
	k.dequantQ8()
	k.dequantQ4("dequant_q4_0", 2)
	k.dequantQ4("dequant_q4_1", 4)
	k.dequantQ5("dequant_q5_0", 2)
	k.dequantQ5("dequant_q5_1", 4)
	k.dequantIQ4()
	k.dequantK("dequant_q4_k", false)
	k.dequantK("dequant_q5_k", true)
	k.dequantQ6K()
}

// widenHalf is the f32 of halves in the low 16 bits of each i32 lane, with the
// bits of NaNs kept. The exponent is moved by 112 (twice for infinities and
// NaNs); a subnormal's fraction is put below 2⁻¹⁴, which is then taken away.
func widenHalf(f *asm.Func, h asm.VarV128) asm.V128 {
	size, wide := f.Vec(), f.Vec()
	size.Set(h.And(asm.Bits(0x7fff)))
	wide.Set(size.IShl(13).IAdd(asm.Bits(112 << 23)))
	infinite := asm.Bits(0x7bff).ILtS(size.V128)
	subnormal := size.ILtS(asm.Bits(0x400))
	tiny := wide.IAdd(asm.Bits(1 << 23)).Sub(asm.Bits(113 << 23))
	wide.Set(tiny.Where(subnormal, wide.IAdd(infinite.And(asm.Bits(112<<23)))))
	return wide.Or(h.And(asm.Bits(0x8000)).IShl(16))
}

// halves emits a decoder of 16-bit elements.
func (k *kernels) halves(name string, widen func(*asm.Func, asm.VarV128) asm.V128) {
	f := k.Func(name)
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h := f.Vec()
	f.While(n.GeU(asm.Int(4)), func() {
		h.Set(src.LoadI4U(0))
		f.StoreVec(dst, 0, widen(f, h))
		src.Set(src.Plus(8))
		dst.Set(dst.Plus(16))
		n.Set(n.Plus(-4))
	})
	f.While(n.I32, func() {
		h.Set(src.LoadU16(0).Splat())
		f.StoreLane(dst, 0, 0, widen(f, h))
		src.Set(src.Plus(2))
		dst.Set(dst.Plus(4))
		n.Set(n.Plus(-1))
	})
}

// blocks emits the loop over blocks of the given size.
func blocks(f *asm.Func, dst, src, n asm.VarI32, elems, bytes int, body func()) {
	f.While(n.I32, func() {
		body()
		src.Set(src.Plus(bytes))
		dst.Set(dst.Plus(elems * 4))
		n.Set(n.Plus(-1))
	})
}

// scaled stores 16 elements whose quants are unsigned bytes: q·d + m.
func scaled(f *asm.Func, dst asm.VarI32, at int, q, wide asm.VarV128, d, m asm.V128) {
	for _, half := range []asm.V128{q.HLowU(), q.HHighU()} {
		wide.Set(half)
		for _, v := range []asm.V128{wide.ILowU(), wide.IHighU()} {
			f.StoreVec(dst, at, v.F32s().Mul(d).Add(m))
			at += 16
		}
	}
}

// nibble is the low or the high half of each byte.
func nibble(bytes asm.VarV128, high int) asm.V128 { return bytes.HShrU(4 * high).And(each8(15)) }

// each8 is a constant in each byte.
func each8(v uint32) asm.V128 { return asm.Bits(v * 0x01010101) }

func (k *kernels) dequantQ8() {
	f := k.Func("dequant_q8_0")
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, q := f.Vec(), f.Vec(), f.Vec()
	blocks(f, dst, src, n, 32, 34, func() {
		h.Set(src.LoadU16(0).Splat())
		d.Set(widenHalf(f, h))
		for i := range 4 {
			q.Set(src.LoadH8S(2 + 8*i))
			f.StoreVec(dst, 32*i, q.ILowS().F32s().Mul(d.V128))
			f.StoreVec(dst, 32*i+16, q.IHighS().F32s().Mul(d.V128))
		}
	})
}

// scaleAndMin reads what precedes the quants: d, whose minimum is zero·d, or d
// and m.
func scaleAndMin(f *asm.Func, src asm.VarI32, head int, zero float32, h, d, m asm.VarV128) {
	if head == 2 {
		h.Set(src.LoadU16(0).Splat())
		d.Set(widenHalf(f, h))
		m.Set(d.Mul(asm.Vec(zero)))
		return
	}
	h.Set(src.LoadZero(0).ILowU())
	h.Set(widenHalf(f, h))
	d.Set(h.SplatLane(0))
	m.Set(h.SplatLane(1))
}

// dequantQ4 emits a decoder of nibbles; head is the size of what precedes
// them: d alone or d and m.
func (k *kernels) dequantQ4(name string, head int) {
	f := k.Func(name)
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, m, b, q, wide := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	blocks(f, dst, src, n, 32, head+16, func() {
		scaleAndMin(f, src, head, -8, h, d, m)
		b.Set(src.LoadVec(head))
		for half := range 2 {
			q.Set(nibble(b, half))
			scaled(f, dst, 64*half, q, wide, d.V128, m.V128)
		}
	})
}

// dequantQ5 is dequantQ4 with a fifth bit: bit i of the word after the head is
// element i's.
func (k *kernels) dequantQ5(name string, head int) {
	f := k.Func(name)
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, m, b, q, wide, high := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	var bits [16]byte
	for i := range bits {
		bits[i] = 1 << (i % 8)
	}
	blocks(f, dst, src, n, 32, head+20, func() {
		scaleAndMin(f, src, head, -16, h, d, m)
		high.Set(src.LoadSplat(head))
		b.Set(src.LoadVec(head + 4))
		for half := range 2 {
			var at [16]byte // each bit's byte
			for i := range at {
				at[i] = byte(2*half + i/8)
			}
			fifth := high.BShuffle(at).And(asm.Bytes(bits)).BEq(asm.Bytes(bits)).And(each8(16))
			q.Set(nibble(b, half).Or(fifth))
			scaled(f, dst, 64*half, q, wide, d.V128, m.V128)
		}
	})
}

func (k *kernels) dequantIQ4() {
	f := k.Func("dequant_iq4_nl")
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, b, q, wide := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	var levels [16]byte
	for i, v := range tensor.IQ4 {
		levels[i] = byte(v)
	}
	blocks(f, dst, src, n, 32, 18, func() {
		h.Set(src.LoadU16(0).Splat())
		d.Set(widenHalf(f, h))
		b.Set(src.LoadVec(2))
		at := 0
		for half := range 2 {
			q.Set(asm.Bytes(levels).Pick(nibble(b, half)))
			for _, v := range []asm.V128{q.HLowS(), q.HHighS()} {
				wide.Set(v)
				f.StoreVec(dst, at, wide.ILowS().F32s().Mul(d.V128))
				f.StoreVec(dst, at+16, wide.IHighS().F32s().Mul(d.V128))
				at += 32
			}
		}
	})
}
