package simd

import (
	"runtime"

	"handful/core/tensor"
)

// GemmNN is C [m, n] = alpha·A·B for A [m, k] and B [k, n], and C += where acc
// is set. Rows are ldc, lda and ldb elements apart. C must not overlap A or B.
func (m *Module) GemmNN(c, a, b []float32, rows, cols, depth, ldc, lda, ldb int, alpha float32, acc bool) {
	matrix("GemmNN", "A", len(a), rows, depth, lda)
	matrix("GemmNN", "B", len(b), depth, cols, ldb)
	m.gemm(gemmNN, c, a, b, rows, cols, depth, ldc, lda, ldb, alpha, acc)
}

// GemmNT is GemmNN with B stored as [n, k]: C = alpha·A·Bᵀ.
func (m *Module) GemmNT(c, a, b []float32, rows, cols, depth, ldc, lda, ldb int, alpha float32, acc bool) {
	matrix("GemmNT", "A", len(a), rows, depth, lda)
	matrix("GemmNT", "B", len(b), cols, depth, ldb)
	m.gemm(gemmNT, c, a, b, rows, cols, depth, ldc, lda, ldb, alpha, acc)
}

// GemmTN is GemmNN with A stored as [k, m]: C = alpha·Aᵀ·B.
func (m *Module) GemmTN(c, a, b []float32, rows, cols, depth, ldc, lda, ldb int, alpha float32, acc bool) {
	matrix("GemmTN", "A", len(a), depth, rows, lda)
	matrix("GemmTN", "B", len(b), depth, cols, ldb)
	m.gemm(gemmTN, c, a, b, rows, cols, depth, ldc, lda, ldb, alpha, acc)
}

func (m *Module) gemm(k kernel, c, a, b []float32, rows, cols, depth, ldc, lda, ldb int, alpha float32, acc bool) {
	matrix(kernelNames[k], "C", len(c), rows, cols, ldc)
	add := 0
	if acc {
		add = 1
	}
	m.fn[k].Invoke(address(c), address(a), address(b), rows, cols, depth, ldc, lda, ldb, alpha, add, address(m.scratch))
	runtime.KeepAlive(c)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

// decoders are the kernels that widen stored weights.
var decoders = map[tensor.DType]kernel{
	tensor.F16: dequantF16, tensor.BF16: dequantBF16,
	tensor.Q8_0: dequantQ8_0, tensor.Q4_0: dequantQ4_0, tensor.Q4_1: dequantQ4_1,
	tensor.Q5_0: dequantQ5_0, tensor.Q5_1: dequantQ5_1, tensor.IQ4_NL: dequantIQ4_NL,
	tensor.Q4_K: dequantQ4_K, tensor.Q5_K: dequantQ5_K, tensor.Q6_K: dequantQ6_K,
}

// Decode widens len(dst) elements of any stored type but F32, as tensor.Decode
// does and to the same bits. len(dst) must be a whole number of
// blocks and src must hold them.
func (m *Module) Decode(dt tensor.DType, dst []float32, src []byte) {
	k, known := decoders[dt]
	want("Decode", known, "no kernel for %v", dt)
	elems, _ := dt.Block()
	want("Decode", len(dst)%elems == 0 && len(src) >= dt.Bytes(len(dst)),
		"%d bytes of %v for %d elements, want %d", len(src), dt, len(dst), dt.Bytes(len(dst)))
	m.fn[k].Invoke(address(dst), address(src), len(dst)/elems)
	runtime.KeepAlive(dst)
	runtime.KeepAlive(src)
}
