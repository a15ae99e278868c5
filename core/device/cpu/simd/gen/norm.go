package main

import "handful/core/device/cpu/simd/gen/asm"

// norms emits RMSNorm over rows of d, with ρ = 1/√(mean x² + eps):
//
//	rmsnorm(y, x, w, rows, d, eps)               y = w ⊙ x·ρ
//	rmsnorm_grad(dx, x, w, dy, rows, d, eps)     dx = ρ·(w⊙dy) − ρ³/d·x·Σ x·w·dy
//	rmsnorm_grad_w(dw, x, dy, rows, d, eps)      dw += Σ_rows dy ⊙ x·ρ
func (k *kernels) norms() {
	f := k.Func("rmsnorm")
	y, x, w, rows, d, eps := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.ArgF32()
	n, p := f.Int(), f.Int()
	row := k.inverseRMS(f, x, d, eps)
	f.While(rows.I32, func() {
		rho := row()
		n.Set(d.I32)
		p.Set(w.I32)
		each(f, n, 2, []asm.VarI32{y, x, p}, func(l lanes) {
			l.store(y, l.load(x).Mul(rho.V128).Mul(l.load(p)))
		})
		rows.Set(rows.Plus(-1))
	})

	f = k.Func("rmsnorm_grad")
	dx := f.Arg()
	x, w = f.Arg(), f.Arg()
	dy := f.Arg()
	rows, d, eps = f.Arg(), f.Arg(), f.ArgF32()
	n, p = f.Int(), f.Int()
	xs, dys := f.Int(), f.Int()
	acc, factor := f.Vecs(2), f.Vec()
	row = k.inverseRMS(f, x, d, eps)
	f.While(rows.I32, func() {
		rho := row()
		n.Set(d.I32)
		p.Set(w.I32)
		xs.Set(x.I32)
		dys.Set(dy.I32)
		clear(acc...)
		each(f, n, 2, []asm.VarI32{xs, p, dys}, func(l lanes) {
			s := acc[l.part]
			s.Set(k.madd(l.load(xs).Mul(l.load(p)), l.once(l.load(dys)), s.V128))
		})
		r := rho.Lane(0)
		factor.Set(sums(acc).Mul(r).Mul(r).Mul(r).Div(d.F32()).Neg().Splat())
		n.Set(d.I32)
		p.Set(w.I32)
		each(f, n, 2, []asm.VarI32{dx, x, p, dy}, func(l lanes) {
			l.store(dx, k.madd(l.load(x), factor.V128, l.load(p).Mul(l.load(dy)).Mul(rho.V128)))
		})
		rows.Set(rows.Plus(-1))
	})

	f = k.Func("rmsnorm_grad_w")
	dw := f.Arg()
	x, dy = f.Arg(), f.Arg()
	rows, d, eps = f.Arg(), f.Arg(), f.ArgF32()
	n, p = f.Int(), f.Int()
	row = k.inverseRMS(f, x, d, eps)
	f.While(rows.I32, func() {
		rho := row()
		n.Set(d.I32)
		p.Set(dw.I32)
		each(f, n, 2, []asm.VarI32{p, x, dy}, func(l lanes) {
			l.store(p, k.madd(l.load(x).Mul(rho.V128), l.load(dy), l.load(p)))
		})
		rows.Set(rows.Plus(-1))
	})
}

// inverseRMS gives a function that emits the row's ρ, in all lanes, without
// moving x.
func (k *kernels) inverseRMS(f *asm.Func, x, d asm.VarI32, eps asm.VarF32) func() asm.VarV128 {
	n, a, b, rho := f.Int(), f.Int(), f.Int(), f.Vec()
	return func() asm.VarV128 {
		n.Set(d.I32)
		a.Set(x.I32)
		b.Set(x.I32)
		ss := k.dot(f, a, b, n)
		rho.Set(asm.Float(1).Div(ss.Div(d.F32()).Add(eps.F32).Sqrt()).Splat())
		return rho
	}
}
