package main

import (
	"handful/core/device/cpu/simd/gen/asm"
)

// panelCols is the width of a packed panel of B: two vectors.
const panelCols = 8

// micro emits the function that computes a tile of C,
//
//	C[rows, 8] (+)= alpha · A[rows, k] · B[k, 8]
//
// from rows of A (lda bytes apart) and a packed panel of B (8 floats per k).
// All of the tile stays in registers: with six rows twelve sums, two vectors
// of B and one element of A fill the fifteen that engines have on x86-64.
// Only cols < 8 of them are stored where cols says so, by way of tile
// (rows·32 bytes of scratch). acc tells whether to add to what C holds.
//
//	micro(c, a, b, k, ldc, lda, cols, alpha, acc, tile)
func (k *kernels) micro(rows int) *asm.Func {
	f := k.Func("")
	c, a, b, depth := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	ldc, lda, cols, alpha, acc, tile := f.Arg(), f.Arg(), f.Arg(), f.ArgF32(), f.Arg(), f.Arg()

	row := make([]asm.VarI32, rows) // where each row of A is read
	sum := make([][]asm.VarV128, rows)
	for r := range row {
		row[r] = f.Int()
		sum[r] = f.Vecs(2)
	}
	b0, b1, x := f.Vec(), f.Vec(), f.Vec()

	row[0].Set(a.I32)
	for r := 1; r < rows; r++ {
		row[r].Set(row[r-1].Add(lda.I32))
	}
	// steps multiplies n columns of A with n rows of the panel.
	steps := func(n int) {
		for i := range n {
			b0.Set(b.LoadVec(32 * i))
			b1.Set(b.LoadVec(32*i + 16))
			for r := range row {
				x.Set(row[r].LoadSplat(4 * i))
				sum[r][0].Set(k.madd(x.V128, b0.V128, sum[r][0].V128))
				sum[r][1].Set(k.madd(x.V128, b1.V128, sum[r][1].V128))
			}
		}
		b.Set(b.Plus(32 * n))
		for r := range row {
			row[r].Set(row[r].Plus(4 * n))
		}
		depth.Set(depth.Plus(-n))
	}
	f.While(depth.GeU(asm.Int(4)), func() { steps(4) })
	f.While(depth.I32, func() { steps(1) })

	x.Set(alpha.Splat())
	for r := range row {
		sum[r][0].Set(sum[r][0].Mul(x.V128))
		sum[r][1].Set(sum[r][1].Mul(x.V128))
	}
	store := func(to asm.VarI32, stride asm.I32) {
		for r := range row {
			f.StoreVec(to, 0, sum[r][0].V128)
			f.StoreVec(to, 16, sum[r][1].V128)
			if r < rows-1 {
				to.Set(to.Add(stride))
			}
		}
	}
	f.IfElse(cols.Eq(asm.Int(panelCols)), func() {
		f.If(acc.I32, func() {
			p := f.Let(c.I32)
			for r := range row {
				sum[r][0].Set(p.LoadVec(0).Add(sum[r][0].V128))
				sum[r][1].Set(p.LoadVec(16).Add(sum[r][1].V128))
				p.Set(p.Add(ldc.I32))
			}
		})
		store(c, ldc.I32)
	}, func() {
		from := f.Let(tile.I32)
		store(tile, asm.Int(32))
		i, j, v := f.Let(asm.Int(rows)), f.Int(), f.Float()
		f.Do(func() {
			j.Set(asm.Int(0))
			f.Do(func() {
				v.Set(from.Add(j.I32).LoadF32(0))
				f.If(acc.I32, func() { v.Set(v.Add(c.Add(j.I32).LoadF32(0))) })
				f.StoreF32(c.Add(j.I32), 0, v.F32)
				j.Set(j.Plus(4))
			}, j.LtU(cols.Shl(2)))
			from.Set(from.Plus(32))
			c.Set(c.Add(ldc.I32))
			i.Set(i.Plus(-1))
		}, i.I32)
	})
	return f
}

// tiles emits the function that applies the micro-kernels to all rows of C,
// most of them by the tallest: the arguments of micro, then the number of rows.
func (k *kernels) tiles() *asm.Func {
	heights := []int{4, 2, 1}
	if k.relaxed {
		heights[0] = 6
	}
	var micros []*asm.Func
	for _, h := range heights {
		micros = append(micros, k.micro(h))
	}
	f := k.Func("")
	c, a, b, depth := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	ldc, lda, cols, alpha, acc, tile, rows := f.Arg(), f.Arg(), f.Arg(), f.ArgF32(), f.Arg(), f.Arg(), f.Arg()
	for i, h := range heights {
		f.While(rows.GeU(asm.Int(h)), func() {
			f.Call(micros[i], c, a, b, depth, ldc, lda, cols, alpha, acc, tile)
			c.Set(c.Add(ldc.Mul(asm.Int(h))))
			a.Set(a.Add(lda.Mul(asm.Int(h))))
			rows.Set(rows.Plus(-h))
		})
	}
	return f
}
