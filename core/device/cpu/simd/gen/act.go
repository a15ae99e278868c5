package main

import "handful/core/device/cpu/simd/gen/asm"

// activations emits gates, with σ the sigmoid; SiLU, where u(g) = g, and the
// approximate GELU, where u(g) = √(8/π)·(g + 0.044715·g³):
//
//	silu_mul, gelu_mul(dst, gate, up, n)                   dst = gate·σ(u)·up
//	silu_grad_gate, gelu_grad_gate(dst, gate, up, dy, n)   dst = dy·up·σ·(1 + gate·(1 − σ)·u')
//	relu(dst, x, n)                                        dst = max(x, 0)
//	relu_grad(dst, x, dy, n)                               dst = dy where x > 0, else 0
//
// The gradient of up, dy·gate·σ(u), is the first with dy for up.
func (k *kernels) activations() {
	k.gate("silu", func(x asm.V128) asm.V128 { return x }, nil)
	const scale, cube = 1.5957691216057308, 0.044715
	poly := func(x asm.V128, a, b float32) asm.V128 { return k.madd(x.Mul(x), asm.Vec(b), asm.Vec(a)) }
	k.gate("gelu",
		func(x asm.V128) asm.V128 { return x.Mul(poly(x, scale, scale*cube)) },
		func(x asm.V128) asm.V128 { return poly(x, scale, 3*scale*cube) })

	f := k.Func("relu")
	dst, x, n := f.Arg(), f.Arg(), f.Arg()
	each(f, n, 2, []asm.VarI32{dst, x}, func(l lanes) { l.store(dst, l.load(x).PMax(asm.Vec(0))) })

	f = k.Func("relu_grad")
	dst, x = f.Arg(), f.Arg()
	dy, n := f.Arg(), f.Arg()
	each(f, n, 2, []asm.VarI32{dst, x, dy}, func(l lanes) {
		positive := asm.Bits(0).ILtS(l.load(x)) // floats above 0 are integers above 0
		l.store(dst, l.load(dy).And(positive))
	})
}

// gate emits an activation x·σ(u(x)) and its gradient; slope is u', nil for 1.
func (k *kernels) gate(name string, u, slope func(x asm.V128) asm.V128) {
	f := k.Func(name + "_mul")
	dst, gate, up, n := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	sigmoid, x := k.sigmoid(f), f.Vec()
	each(f, n, 1, []asm.VarI32{dst, gate, up}, func(l lanes) {
		x.Set(l.load(gate))
		l.store(dst, sigmoid(u(x.V128)).Mul(x.V128).Mul(l.load(up)))
	})

	f = k.Func(name + "_grad_gate")
	dst, gate, up = f.Arg(), f.Arg(), f.Arg()
	dy, n := f.Arg(), f.Arg()
	sigmoid, x = k.sigmoid(f), f.Vec()
	s := f.Vec()
	each(f, n, 1, []asm.VarI32{dst, gate, up, dy}, func(l lanes) {
		x.Set(l.load(gate))
		s.Set(sigmoid(u(x.V128)))
		one := asm.Vec(1)
		rest := one.Sub(s.V128)
		if slope != nil {
			rest = rest.Mul(slope(x.V128))
		}
		l.store(dst, k.madd(x.V128, rest, one).Mul(s.V128).Mul(l.load(up)).Mul(l.load(dy)))
	})
}
