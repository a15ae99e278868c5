package main

import "handful/core/device/cpu/simd/gen/asm"

// Blocking: depthBlock rows of a panel of B (8 KiB) stay in the first-level
// cache, rowBlock x depthBlock elements of A in the second-level one.
const (
	depthBlock = 256
	rowBlock   = 120
	fewRows    = 4 // below, A·Bᵀ goes row by row without packing
)

// Scratch, whose size scratch_bytes() tells: a panel of B, a tile of C, and for
// Aᵀ·B a block of A transposed.
const (
	panelBytes = depthBlock * panelCols * 4
	tileBytes  = 6 * panelCols * 4
	blockBytes = rowBlock * depthBlock * 4
)

type layout int

const (
	nn layout = iota // C = A·B
	nt               // C = A·Bᵀ
	tn               // C = Aᵀ·B
)

// gemm emits the three matrix products, C [m, n] (+)= alpha·…, all row-major.
// The strides are in elements; acc adds to C. k = 0 is an empty sum.
//
//	gemm_nn(c, a, b, m, n, k, ldc, lda, ldb, alpha, acc, scratch)   A [m, k], B [k, n]
//	gemm_nt                                                         A [m, k], B [n, k]
//	gemm_tn                                                         A [k, m], B [k, n]
func (k *kernels) gemm() {
	tiles, dots, pack, transpose := k.tiles(), k.dots(), k.pack(), k.transpose()
	for l, name := range []string{nn: "gemm_nn", nt: "gemm_nt", tn: "gemm_tn"} {
		k.product(name, layout(l), tiles, dots, pack, transpose)
	}
	k.Func("scratch_bytes").ReturnI32(asm.Int(panelBytes + tileBytes + blockBytes))
}

func (k *kernels) product(name string, l layout, tiles, dots, pack, transpose *asm.Func) *asm.Func {
	f := k.Func(name)
	c, a, b, m, n, depth := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	ldc, lda, ldb, alpha, acc, panel := f.Arg(), f.Arg(), f.Arg(), f.ArgF32(), f.Arg(), f.Arg()
	for _, stride := range []asm.VarI32{ldc, lda, ldb} {
		stride.Set(stride.Shl(2)) // bytes from here on
	}
	if l == nt {
		f.If(m.LtU(asm.Int(fewRows)), func() {
			f.While(m.I32, func() {
				f.Call(dots, c, a, b, n, depth, ldb, alpha, acc)
				c.Set(c.Add(ldc.I32))
				a.Set(a.Add(lda.I32))
				m.Set(m.Plus(-1))
			})
			f.Return()
		})
	}
	tile := f.Let(panel.Plus(panelBytes))
	block := f.Let(tile.Plus(tileBytes))
	k0, i0, j0 := f.Int(), f.Int(), f.Int()
	dk, di, dj := f.Int(), f.Int(), f.Int()
	a0, b0 := f.Int(), f.Int()
	stride := lda
	if l == tn {
		stride = f.Let(asm.Int(depthBlock * 4))
	}

	f.Do(func() { // depth
		dk.Set(depth.Sub(k0.I32).Min(asm.Int(depthBlock)))
		i0.Set(asm.Int(0))
		f.While(i0.LtU(m.I32), func() { // rows of C
			di.Set(m.Sub(i0.I32).Min(asm.Int(rowBlock)))
			if l == tn {
				a0.Set(block.I32)
				f.Call(transpose, block, a.Add(k0.Mul(lda.I32)).Add(i0.Shl(2)), dk, di, stride, lda)
			} else {
				a0.Set(a.Add(i0.Mul(lda.I32)).Add(k0.Shl(2)))
			}
			j0.Set(asm.Int(0))
			f.While(j0.LtU(n.I32), func() { // columns of C
				dj.Set(n.Sub(j0.I32).Min(asm.Int(panelCols)))
				if l == nt {
					b0.Set(b.Add(j0.Mul(ldb.I32)).Add(k0.Shl(2)))
					f.Call(transpose, panel, b0, dj, dk, asm.Int(panelCols*4), ldb)
				} else {
					b0.Set(b.Add(k0.Mul(ldb.I32)).Add(j0.Shl(2)))
					f.Call(pack, panel, b0, dk, dj, ldb)
				}
				f.Call(tiles, c.Add(i0.Mul(ldc.I32)).Add(j0.Shl(2)), a0, panel, dk, ldc, stride, dj, alpha, acc, tile, di)
				j0.Set(j0.Plus(panelCols))
			})
			i0.Set(i0.Plus(rowBlock))
		})
		acc.Set(asm.Int(1))
		k0.Set(k0.Plus(depthBlock))
	}, k0.LtU(depth.I32))
	return f
}
