package main

import "handful/core/device/cpu/simd/gen/asm"

// dots emits one row of A·Bᵀ, for products of so few rows that packing B would
// cost more than multiplying it:
//
//	dots(c, a, b, n, k, ldb, alpha, acc)    c[j] (+)= alpha·Σ_k a[k]·b[j, k]
//
// Four rows of B (ldb bytes apart) are read at a time, in two partial sums
// each; what is left is done one by one.
func (k *kernels) dots() *asm.Func {
	f := k.Func("")
	c, a, b, n, depth := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	ldb, alpha, acc := f.Arg(), f.ArgF32(), f.Arg()
	x, count, s := f.Vec(), f.Int(), f.Float()
	for _, rows := range []int{4, 1} {
		pointers := make([]asm.VarI32, rows+1) // rows of b, then a
		for i := range pointers {
			pointers[i] = f.Int()
		}
		acc2 := f.Vecs(2 * rows)
		f.While(n.GeU(asm.Int(rows)), func() {
			for r := range rows {
				pointers[r].Set(b.I32)
				b.Set(b.Add(ldb.I32))
			}
			pointers[rows].Set(a.I32)
			clear(acc2...)
			count.Set(depth.I32)
			each(f, count, 2, pointers, func(l lanes) {
				x.Set(l.once(l.load(pointers[rows])))
				for r := range rows {
					p := acc2[2*r+l.part]
					p.Set(k.madd(l.load(pointers[r]), x.V128, p.V128))
				}
			})
			for r := range rows {
				s.Set(sums(acc2[2*r : 2*r+2]).Mul(alpha.F32))
				f.If(acc.I32, func() { s.Set(s.Add(c.LoadF32(4 * r))) })
				f.StoreF32(c, 4*r, s.F32)
			}
			c.Set(c.Plus(4 * rows))
			n.Set(n.Plus(-rows))
		})
	}
	return f
}
