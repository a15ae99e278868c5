package main

import "handful/core/device/cpu/simd/gen/asm"

// activations emits SiLU as a gate, with σ the sigmoid:
//
//	silu_mul(dst, gate, up, n)                 dst = gate·σ(gate)·up
//	silu_grad_gate(dst, gate, up, dy, n)       dst = dy·up·σ·(1 + gate·(1 − σ))
//
// The gradient of up, dy·gate·σ(gate), is silu_mul with dy for up.
func (k *kernels) activations() {
	f := k.Func("silu_mul")
	dst, gate, up, n := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	sigmoid, x := k.sigmoid(f), f.Vec()
	each(f, n, 1, []asm.VarI32{dst, gate, up}, func(l lanes) {
		x.Set(l.load(gate))
		l.store(dst, sigmoid(x.V128).Mul(x.V128).Mul(l.load(up)))
	})

	f = k.Func("silu_grad_gate")
	dst, gate, up = f.Arg(), f.Arg(), f.Arg()
	dy, n := f.Arg(), f.Arg()
	sigmoid, x = k.sigmoid(f), f.Vec()
	s := f.Vec()
	each(f, n, 1, []asm.VarI32{dst, gate, up, dy}, func(l lanes) {
		x.Set(l.load(gate))
		s.Set(sigmoid(x.V128))
		one := asm.Vec(1)
		slope := k.madd(x.V128, one.Sub(s.V128), one).Mul(s.V128)
		l.store(dst, slope.Mul(l.load(up)).Mul(l.load(dy)))
	})
}
