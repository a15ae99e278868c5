package main

import "handful/core/device/cpu/simd/gen/asm"

// adamw emits one step on n parameters p with moments m and v:
//
//	adamw(p, m, v, g, n, clip, keep, gain1, beta2, gain2, rate, root, eps)
//
//	g ← clip·g;  m += gain1·(g − m);  v = beta2·v + gain2·g²
//	p = keep·p − rate·m/(√v/root + eps)
//
// Every operation is rounded by itself in both variants: a step repeats to the
// bit wherever it runs.
func (k *kernels) adamw() {
	f := k.Func("adamw")
	p, m, v, g, n := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	var scalars []asm.VarF32
	for range 8 {
		scalars = append(scalars, f.ArgF32())
	}
	var c []asm.VarV128
	for _, s := range scalars {
		c = append(c, f.LetVec(s.Splat()))
	}
	clip, keep, gain1, beta2, gain2, rate, root, eps := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	grad, first, second := f.Vec(), f.Vec(), f.Vec()
	each(f, n, 1, []asm.VarI32{p, m, v, g}, func(l lanes) {
		grad.Set(l.load(g).Mul(clip.V128))
		first.Set(l.load(m))
		first.Set(first.Add(gain1.Mul(grad.Sub(first.V128))))
		second.Set(l.load(v).Mul(beta2.V128).Add(gain2.Mul(grad.V128).Mul(grad.V128)))
		l.store(m, first.V128)
		l.store(v, second.V128)
		step := rate.Mul(first.V128).Div(second.Sqrt().Div(root.V128).Add(eps.V128))
		l.store(p, l.load(p).Mul(keep.V128).Sub(step))
	})
}
