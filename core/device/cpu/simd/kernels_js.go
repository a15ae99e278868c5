package simd

import (
	"unsafe"

	"handful/core/fault"
)

// kernel names a function of the module.
type kernel int

const (
	gemmNN kernel = iota
	gemmNT
	gemmTN
	dequantF16
	dequantBF16
	dequantQ8_0
	dequantQ4_0
	dequantQ4_1
	dequantQ5_0
	dequantQ5_1
	dequantIQ4_NL
	dequantQ4_K
	dequantQ5_K
	dequantQ6_K
	add
	mul
	axpy
	scale
	dot
	maximum
	expSum
	softmax
	logSumExp
	siluMul
	siluGradGate
	geluMul
	geluGradGate
	relu
	reluGrad
	rmsNorm
	rmsNormGrad
	rmsNormGradW
	rope
	adamW
	kernelCount
)

var kernelNames = [kernelCount]string{
	"gemm_nn", "gemm_nt", "gemm_tn",
	"dequant_f16", "dequant_bf16", "dequant_q8_0", "dequant_q4_0", "dequant_q4_1",
	"dequant_q5_0", "dequant_q5_1", "dequant_iq4_nl", "dequant_q4_k", "dequant_q5_k", "dequant_q6_k",
	"add", "mul", "axpy", "scale", "dot", "max", "exp_sum", "softmax", "logsumexp",
	"silu_mul", "silu_grad_gate", "gelu_mul", "gelu_grad_gate", "relu", "relu_grad",
	"rmsnorm", "rmsnorm_grad", "rmsnorm_grad_w", "rope", "adamw",
}

// never is false; it makes addresses escape, see address.
var (
	never bool
	//lint:ignore U1000 it is only written
	sink unsafe.Pointer
)

// address is where a slice begins. Slices handed to kernels must lie on the
// heap, which does not move, and not on a stack, which may be moved while it
// grows between here and the kernel: so the compiler is made to believe that
// they escape. Callers keep them alive until the kernel is done.
func address[T any](s []T) int {
	p := unsafe.Pointer(unsafe.SliceData(s))
	if never {
		sink = p
	}
	return int(uintptr(p))
}

// want panics with a Bug of op unless ok: kernels get raw addresses, so what a
// slice would check is checked before.
func want(op string, ok bool, format string, args ...any) {
	if !ok {
		panic(fault.New(fault.Bug, "simd."+op, format, args...))
	}
}

// matrix checks that rows x cols elements, ld apart, lie within n.
func matrix(op, name string, n, rows, cols, ld int) {
	ok := rows >= 0 && cols >= 0 && ld >= cols && (rows == 0 || cols == 0 || (rows-1)*ld+cols <= n)
	if !ok {
		panic(fault.New(fault.Bug, "simd."+op, "%s has %d elements, want %d rows of %d, %d apart", name, n, rows, cols, ld))
	}
}
