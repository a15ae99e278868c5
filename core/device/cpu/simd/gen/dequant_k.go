package main

import "handful/core/device/cpu/simd/gen/asm"

// dequantK emits the decoder of Q4_K or, with a fifth bit, Q5_K: f16 d and e, 12
// bytes of 6-bit scales and minima, fifth bits, nibbles. The i-th of 8 runs of
// 32 elements is (d·s)·q − e·t.
func (k *kernels) dequantK(name string, fifth bool) {
	f := k.Func(name)
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, e, scale, low, b, q, wide := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	quants := 16
	if fifth {
		quants = 48
	}
	blocks(f, dst, src, n, 256, quants+128, func() {
		scaleAndMin(f, src, 4, 0, h, d, e)
		for i := range 8 {
			s, t := scaleMin(src, i)
			scale.Set(s.Splat().F32s().Mul(d.V128))
			low.Set(t.Splat().F32s().Mul(e.V128).Neg())
			for half := range 2 {
				b.Set(src.LoadVec(quants + i/2*32 + 16*half))
				q.Set(nibble(b, i%2))
				if fifth { // bit i of the byte, to bit 4
					b.Set(src.LoadVec(16 + 16*half))
					moved := b.HShl(max(0, 4-i))
					if i > 4 {
						moved = b.HShrU(i - 4)
					}
					q.Set(q.Or(moved.And(each8(16))))
				}
				scaled(f, dst, 128*i+64*half, q, wide, scale.V128, low.V128)
			}
		}
	})
}

// scaleMin is tensor.ScaleMin on the bytes at src+4.
func scaleMin(src asm.VarI32, i int) (s, t asm.I32) {
	at := func(j int) asm.I32 { return src.LoadU8(4 + j) }
	if i < 4 {
		return at(i).And(asm.Int(63)), at(i + 4).And(asm.Int(63))
	}
	return at(i + 4).And(asm.Int(15)).Or(at(i - 4).ShrU(6).Shl(4)), at(i + 4).ShrU(4).Or(at(i).ShrU(6).Shl(4))
}

// dequantQ6K emits the decoder of Q6_K: two halves, each of four runs of 32
// elements, whose scales stand for 16: (d·s)·(q − 32).
func (k *kernels) dequantQ6K() {
	f := k.Func("dequant_q6_k")
	dst, src, n := f.Arg(), f.Arg(), f.Arg()
	h, d, scale, b, q, wide := f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec(), f.Vec()
	blocks(f, dst, src, n, 256, 210, func() {
		h.Set(src.LoadU16(208).Splat())
		d.Set(widenHalf(f, h))
		for i := range 16 { // of 16 elements
			half, run, part := i/8, i%8/2, i%2
			scale.Set(src.LoadS8(192 + i).Splat().F32s().Mul(d.V128))
			b.Set(src.LoadVec(64*half + run%2*32 + 16*part))
			q.Set(nibble(b, run/2))
			b.Set(src.LoadVec(128 + 32*half + 16*part))
			high := []asm.V128{b.HShl(4), b.HShl(2), b.V128, b.HShrU(2)}[run]
			q.Set(q.Or(high.And(each8(48))))
			at := 64 * i
			for _, v := range []asm.V128{q.HLowU(), q.HHighU()} {
				wide.Set(v)
				for _, x := range []asm.V128{wide.ILowU(), wide.IHighU()} {
					f.StoreVec(dst, at, x.F32s().Sub(asm.Vec(32)).Mul(scale.V128))
					at += 16
				}
			}
		}
	})
}
