package main

import "handful/core/device/cpu/simd/gen/asm"

// elementwise emits the kernels over vectors of n elements:
//
//	add(dst, a, b, n)            dst = a + b
//	mul(dst, a, b, n)            dst = a ⊙ b
//	axpy(dst, x, n, a)           dst += a·x
//	scale(dst, x, n, a)          dst = a·x
//	dot(a, b, n)                 Σ a·b
func (k *kernels) elementwise() {
	k.binary("add", asm.V128.Add)
	k.binary("mul", asm.V128.Mul)
	k.scaled("axpy", func(dst, x, a asm.V128) asm.V128 { return k.madd(x, a, dst) })
	k.scaled("scale", func(_, x, a asm.V128) asm.V128 { return x.Mul(a) })

	f := k.Func("dot")
	p, q, count := f.Arg(), f.Arg(), f.Arg()
	f.ReturnF32(k.dot(f, p, q, count))
}

func (k *kernels) binary(name string, op func(a, b asm.V128) asm.V128) {
	f := k.Func(name)
	dst, a, b, n := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	each(f, n, 2, []asm.VarI32{dst, a, b}, func(l lanes) {
		l.store(dst, op(l.load(a), l.load(b)))
	})
}

func (k *kernels) scaled(name string, op func(dst, x, a asm.V128) asm.V128) {
	f := k.Func(name)
	dst, x, n, a := f.Arg(), f.Arg(), f.Arg(), f.ArgF32()
	v := f.LetVec(a.Splat())
	each(f, n, 2, []asm.VarI32{dst, x}, func(l lanes) {
		l.store(dst, op(l.load(dst), l.load(x), v.V128))
	})
}

// dot emits Σ a·b over n elements, in sixteen partial sums.
func (k *kernels) dot(f *asm.Func, a, b, n asm.VarI32) asm.F32 {
	acc := f.Vecs(4)
	clear(acc...)
	each(f, n, 4, []asm.VarI32{a, b}, func(l lanes) {
		s := acc[l.part]
		s.Set(k.madd(l.load(a), l.once(l.load(b)), s.V128))
	})
	return sums(acc)
}
