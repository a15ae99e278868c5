package main

import "handful/core/device/cpu/simd/gen/asm"

// dequant emits the decoders of stored weights. Quantised ones take a count of
// blocks of 32 elements, the others of elements; GGUF's layouts:
//
//	dequant_f16, dequant_bf16(dst, src, n)
//	dequant_q8_0(dst, src, blocks)   f16 d, 32 × i8           d·q
//	dequant_q4_0                     f16 d, 16 B of nibbles   d·q − 8·d
//	dequant_q4_1                     f16 d, m, 16 B           d·q + m
//
// Products and sums are rounded one by one in both variants, so that all give
// the same bits as the decoder in Go.
func (k *kernels) dequant() {
	k.halves("dequant_f16", widenHalf)
	k.halves("dequant_bf16", func(_ *asm.Func, h asm.VarV128) asm.V128 { return h.IShl(16) })
	k.dequantQ8()
	k.dequantQ4("dequant_q4_0", 2)
	k.dequantQ4("dequant_q4_1", 4)
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
func blocks(f *asm.Func, dst, src, n asm.VarI32, bytes int, body func()) {
	f.While(n.I32, func() {
		body()
		src.Set(src.Plus(bytes))
		dst.Set(dst.Plus(32 * 4))
		n.Set(n.Plus(-1))
	})
}

func (k *kernels) dequantQ8() {
	f := k.Func("dequant_q8_0")
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, q := f.Vec(), f.Vec(), f.Vec()
	blocks(f, dst, src, n, 34, func() {
		h.Set(src.LoadU16(0).Splat())
		d.Set(widenHalf(f, h))
		for i := range 4 {
			q.Set(src.LoadH8S(2 + 8*i))
			f.StoreVec(dst, 32*i, q.ILowS().F32s().Mul(d.V128))
			f.StoreVec(dst, 32*i+16, q.IHighS().F32s().Mul(d.V128))
		}
	})
}

// dequantQ4 emits a decoder of nibbles; head is the size of what precedes
// them: d alone or d and m.
func (k *kernels) dequantQ4(name string, head int) {
	f := k.Func(name)
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, m, q, wide := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	blocks(f, dst, src, n, head+16, func() {
		if head == 2 {
			h.Set(src.LoadU16(0).Splat())
			d.Set(widenHalf(f, h))
			m.Set(d.Mul(asm.Vec(-8)))
		} else {
			h.Set(src.LoadZero(0).ILowU())
			h.Set(widenHalf(f, h))
			d.Set(h.SplatLane(0))
			m.Set(h.SplatLane(1))
		}
		q.Set(src.LoadVec(head))
		for half, nibbles := range []asm.V128{q.V128, q.HShrU(4)} {
			out := 64 * half
			low := nibbles.And(asm.Bits(0x0f0f0f0f))
			for _, bytes := range []asm.V128{low.HLowU(), low.HHighU()} {
				wide.Set(bytes)
				for _, v := range []asm.V128{wide.ILowU(), wide.IHighU()} {
					f.StoreVec(dst, out, v.F32s().Mul(d.V128).Add(m.V128))
					out += 16
				}
			}
		}
	})
}
