package simd

import (
	"math"
	"runtime"
)

// Add sets dst = a + b.
func (m *Module) Add(dst, a, b []float32) { m.binary(add, dst, a, b) }

// Mul sets dst = a ⊙ b.
func (m *Module) Mul(dst, a, b []float32) { m.binary(mul, dst, a, b) }

// SiLUMul sets dst = gate·σ(gate)·up. With dy for up it is the gradient of up.
func (m *Module) SiLUMul(dst, gate, up []float32) { m.binary(siluMul, dst, gate, up) }

// GELUMul sets dst = gate·σ(√(8/π)·(gate + 0.044715·gate³))·up, the approximate
// GELU. With dy for up it is the gradient of up.
func (m *Module) GELUMul(dst, gate, up []float32) { m.binary(geluMul, dst, gate, up) }

// ReLUGrad sets dst = dy where x > 0, else 0.
func (m *Module) ReLUGrad(dst, x, dy []float32) { m.binary(reluGrad, dst, x, dy) }

// ReLU sets dst = max(x, 0).
func (m *Module) ReLU(dst, x []float32) {
	want("ReLU", len(x) == len(dst), "lengths %d, %d, want equal", len(dst), len(x))
	m.fn[relu].Invoke(address(dst), address(x), len(dst))
	runtime.KeepAlive(dst)
	runtime.KeepAlive(x)
}

func (m *Module) binary(k kernel, dst, a, b []float32) {
	want(kernelNames[k], len(a) == len(dst) && len(b) == len(dst), "lengths %d, %d, %d, want equal", len(dst), len(a), len(b))
	m.fn[k].Invoke(address(dst), address(a), address(b), len(dst))
	runtime.KeepAlive(dst)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
}

// SiLUGradGate sets dst = dy·up·σ(gate)·(1 + gate·(1 − σ(gate))), the gradient
// of SiLUMul's gate.
func (m *Module) SiLUGradGate(dst, gate, up, dy []float32) {
	m.gradGate(siluGradGate, dst, gate, up, dy)
}

// GELUGradGate sets dst to the gradient of GELUMul's gate.
func (m *Module) GELUGradGate(dst, gate, up, dy []float32) {
	m.gradGate(geluGradGate, dst, gate, up, dy)
}

func (m *Module) gradGate(k kernel, dst, gate, up, dy []float32) {
	n := len(dst)
	want(kernelNames[k], len(gate) == n && len(up) == n && len(dy) == n, "lengths %d, %d, %d, %d, want equal", n, len(gate), len(up), len(dy))
	m.fn[k].Invoke(address(dst), address(gate), address(up), address(dy), n)
	runtime.KeepAlive(dst)
	runtime.KeepAlive(gate)
	runtime.KeepAlive(up)
	runtime.KeepAlive(dy)
}

// Axpy adds a·x to dst.
func (m *Module) Axpy(dst, x []float32, a float32) { m.scaled(axpy, dst, x, a) }

// Scale sets dst = a·x; dst may be x.
func (m *Module) Scale(dst, x []float32, a float32) { m.scaled(scale, dst, x, a) }

func (m *Module) scaled(k kernel, dst, x []float32, a float32) {
	want(kernelNames[k], len(x) == len(dst), "lengths %d, %d, want equal", len(dst), len(x))
	m.fn[k].Invoke(address(dst), address(x), len(dst), a)
	runtime.KeepAlive(dst)
	runtime.KeepAlive(x)
}

// dotRun is how many products Dot adds up in float32 before it goes on in
// float64, so that long sums stay exact enough.
const dotRun = 1 << 14

// Dot is Σ a·b.
func (m *Module) Dot(a, b []float32) float32 {
	want("Dot", len(a) == len(b), "lengths %d, %d, want equal", len(a), len(b))
	total := 0.0
	for lo := 0; lo < len(a); lo += dotRun {
		n := min(dotRun, len(a)-lo)
		total += m.fn[dot].Invoke(address(a[lo:]), address(b[lo:]), n).Float()
	}
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	return float32(total)
}

// Max is the largest element, −∞ of none.
func (m *Module) Max(x []float32) float32 {
	v := m.fn[maximum].Invoke(address(x), len(x)).Float()
	runtime.KeepAlive(x)
	return float32(v)
}

// ExpSum sets dst = e^(x − shift) and gives the sum; dst may be x.
func (m *Module) ExpSum(dst, x []float32, shift float32) float32 {
	want("ExpSum", len(x) == len(dst), "lengths %d, %d, want equal", len(dst), len(x))
	v := m.fn[expSum].Invoke(address(dst), address(x), len(x), shift).Float()
	runtime.KeepAlive(dst)
	runtime.KeepAlive(x)
	return float32(v)
}

// Softmax turns each of the rows of s (cols elements, ld apart) into its
// softmax within the columns [span[2i]−first, span[2i+1]−first), cut to cols,
// and into zeros outside.
func (m *Module) Softmax(s []float32, span []int32, rows, cols, ld, first int) {
	matrix("Softmax", "s", len(s), rows, cols, ld)
	want("Softmax", len(span) >= 2*rows, "%d span ends for %d rows", len(span), rows)
	m.fn[softmax].Invoke(address(s), address(span), rows, cols, ld, first)
	runtime.KeepAlive(s)
	runtime.KeepAlive(span)
}

// LogSumExp sets out[i] = log Σ e^x over each row of x (cols elements, ld apart).
func (m *Module) LogSumExp(out, x []float32, rows, cols, ld int) {
	matrix("LogSumExp", "x", len(x), rows, cols, ld)
	want("LogSumExp", len(out) >= rows, "%d results for %d rows", len(out), rows)
	if len(m.pairs) < 2*rows {
		m.pairs = make([]float32, 2*rows)
	}
	m.fn[logSumExp].Invoke(address(x), address(m.pairs), rows, cols, ld)
	runtime.KeepAlive(x)
	for i := range rows {
		out[i] = float32(float64(m.pairs[2*i]) + math.Log(float64(m.pairs[2*i+1])))
	}
}
