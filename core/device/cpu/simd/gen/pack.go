package main

import "handful/core/device/cpu/simd/gen/asm"

// transpose4 emits the transpose of four vectors as a 4x4 matrix.
func transpose4(v []asm.VarV128, t []asm.VarV128) {
	low, high := [4]int{0, 4, 1, 5}, [4]int{2, 6, 3, 7}
	t[0].Set(v[0].Shuffle(v[1].V128, low))
	t[1].Set(v[0].Shuffle(v[1].V128, high))
	t[2].Set(v[2].Shuffle(v[3].V128, low))
	t[3].Set(v[2].Shuffle(v[3].V128, high))
	front, back := [4]int{0, 1, 4, 5}, [4]int{2, 3, 6, 7}
	v[0].Set(t[0].Shuffle(t[2].V128, front))
	v[1].Set(t[0].Shuffle(t[2].V128, back))
	v[2].Set(t[1].Shuffle(t[3].V128, front))
	v[3].Set(t[1].Shuffle(t[3].V128, back))
}

// transpose emits dst[j, i] = src[i, j] for a matrix of rows x cols floats;
// the strides are bytes between rows.
//
//	transpose(dst, src, rows, cols, ldd, lds)
func (k *kernels) transpose() *asm.Func {
	f := k.Func("")
	dst, src, rows, cols := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	ldd, lds := f.Arg(), f.Arg()
	v, t := f.Vecs(4), f.Vecs(4)
	s, d, p, q, n := f.Int(), f.Int(), f.Int(), f.Int(), f.Int()

	// Bands of four rows of src, in blocks of four columns.
	f.While(rows.GeU(asm.Int(4)), func() {
		s.Set(src.I32)
		d.Set(dst.I32)
		n.Set(cols.I32)
		f.While(n.GeU(asm.Int(4)), func() {
			p.Set(s.I32)
			q.Set(d.I32)
			for i := range v {
				v[i].Set(p.LoadVec(0))
				p.Set(p.Add(lds.I32))
			}
			transpose4(v, t)
			for i := range v {
				f.StoreVec(q, 0, v[i].V128)
				q.Set(q.Add(ldd.I32))
			}
			s.Set(s.Plus(16))
			d.Set(q.I32)
			n.Set(n.Plus(-4))
		})
		f.While(n.I32, func() { // one column of the band
			p.Set(s.I32)
			for i := range 4 {
				f.StoreF32(d, 4*i, p.LoadF32(0))
				p.Set(p.Add(lds.I32))
			}
			s.Set(s.Plus(4))
			d.Set(d.Add(ldd.I32))
			n.Set(n.Plus(-1))
		})
		src.Set(src.Add(lds.Shl(2)))
		dst.Set(dst.Plus(16))
		rows.Set(rows.Plus(-4))
	})
	f.While(rows.I32, func() { // one row
		s.Set(src.I32)
		d.Set(dst.I32)
		n.Set(cols.I32)
		f.While(n.I32, func() {
			f.StoreF32(d, 0, s.LoadF32(0))
			s.Set(s.Plus(4))
			d.Set(d.Add(ldd.I32))
			n.Set(n.Plus(-1))
		})
		src.Set(src.Add(lds.I32))
		dst.Set(dst.Plus(4))
		rows.Set(rows.Plus(-1))
	})
	return f
}

// pack emits the copy of depth rows of B of cols ≤ 8 columns to a panel. What
// lies beside a narrow panel's columns is left as it is: micro multiplies it
// and drops the products.
//
//	pack(panel, b, depth, cols, ldb)
func (k *kernels) pack() *asm.Func {
	f := k.Func("")
	panel, b, depth, cols, ldb := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	end := f.Let(panel.Add(depth.Shl(5)))
	j := f.Int()
	f.While(panel.LtU(end.I32), func() {
		f.IfElse(cols.Eq(asm.Int(panelCols)), func() {
			f.StoreVec(panel, 0, b.LoadVec(0))
			f.StoreVec(panel, 16, b.LoadVec(16))
		}, func() {
			j.Set(asm.Int(0))
			f.Do(func() {
				f.StoreF32(panel.Add(j.I32), 0, b.Add(j.I32).LoadF32(0))
				j.Set(j.Plus(4))
			}, j.LtU(cols.Shl(2)))
		})
		panel.Set(panel.Plus(32))
		b.Set(b.Add(ldb.I32))
	})
	return f
}
