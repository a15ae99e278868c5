package main

import "handful/core/device/cpu/simd/gen/asm"

// rope emits the rotation of pairs (x[i], x[i+half]) of each head by the
// angles of the row's position; table holds half cosines, then half sines per
// position, and sign is 1, or -1 to rotate back:
//
//	rope(y, x, table, pos, rows, heads, half, sign)
//	y1 = x1·c − sign·x2·s,  y2 = x2·c + sign·x1·s
func (k *kernels) rope() {
	f := k.Func("rope")
	y, x, table, pos, rows, heads, half := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	sign := f.LetVec(f.ArgF32().Splat())
	bytes := f.Let(half.Shl(2))
	h, n, angle := f.Int(), f.Int(), f.Int()
	c, s, y2, x2 := f.Int(), f.Int(), f.Int(), f.Int()
	cv, sv, v1, v2 := f.Vec(), f.Vec(), f.Vec(), f.Vec()
	f.While(rows.I32, func() {
		angle.Set(table.Add(pos.LoadI32(0).Mul(bytes.Shl(1))))
		h.Set(heads.I32)
		f.While(h.I32, func() {
			c.Set(angle.I32)
			s.Set(c.Add(bytes.I32))
			x2.Set(x.Add(bytes.I32))
			y2.Set(y.Add(bytes.I32))
			n.Set(half.I32)
			each(f, n, 1, []asm.VarI32{y, x, c, s, y2, x2}, func(l lanes) {
				cv.Set(l.load(c))
				sv.Set(l.load(s).Mul(sign.V128))
				v1.Set(l.load(x))
				v2.Set(l.load(x2))
				l.store(y, v1.Mul(cv.V128).Sub(v2.Mul(sv.V128)))
				l.store(y2, v2.Mul(cv.V128).Add(v1.Mul(sv.V128)))
			})
			x.Set(x2.I32)
			y.Set(y2.I32)
			h.Set(h.Plus(-1))
		})
		pos.Set(pos.Plus(4))
		rows.Set(rows.Plus(-1))
	})
}
