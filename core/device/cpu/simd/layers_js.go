package simd

import "runtime"

// RMSNorm sets y = w ⊙ x·ρ, ρ = 1/√(mean x² + eps), for each row of
// len(w) elements; y may be x.
func (m *Module) RMSNorm(y, x, w []float32, eps float32) {
	rows := rowsOf("RMSNorm", len(w), len(y), len(x))
	m.fn[rmsNorm].Invoke(address(y), address(x), address(w), rows, len(w), eps)
	runtime.KeepAlive(y)
	runtime.KeepAlive(x)
	runtime.KeepAlive(w)
}

// RMSNormGrad sets dx = ρ·(w⊙dy) − ρ³/d·x·Σ x·w·dy, the gradient of RMSNorm's x.
func (m *Module) RMSNormGrad(dx, x, w, dy []float32, eps float32) {
	rows := rowsOf("RMSNormGrad", len(w), len(dx), len(x), len(dy))
	m.fn[rmsNormGrad].Invoke(address(dx), address(x), address(w), address(dy), rows, len(w), eps)
	runtime.KeepAlive(dx)
	runtime.KeepAlive(x)
	runtime.KeepAlive(w)
	runtime.KeepAlive(dy)
}

// RMSNormGradW sets dw = Σ over rows of dy ⊙ x·ρ, the gradient of RMSNorm's w.
func (m *Module) RMSNormGradW(dw, x, dy []float32, eps float32) {
	rows := rowsOf("RMSNormGradW", len(dw), len(x), len(dy))
	clear(dw)
	m.fn[rmsNormGradW].Invoke(address(dw), address(x), address(dy), rows, len(dw), eps)
	runtime.KeepAlive(dw)
	runtime.KeepAlive(x)
	runtime.KeepAlive(dy)
}

// rowsOf is how many rows of d elements make up each of the lengths.
func rowsOf(op string, d int, lengths ...int) int {
	for _, n := range lengths {
		want(op, d > 0 && n == lengths[0] && n%d == 0, "lengths %v, want equal whole rows of %d", lengths, d)
	}
	return lengths[0] / d
}

// Rope sets y to x with the pairs (x[i], x[i+dim/2]) of each head of dim
// columns rotated by the angles of pos[row]: half-split rotary embedding.
// x and y are [len(pos), heads·dim], table [P, dim] holds dim/2 cosines, then
// as many sines, per position; inverse rotates back. y may be x.
func (m *Module) Rope(y, x, table []float32, pos []int32, heads, dim int, inverse bool) {
	n := len(pos) * heads * dim
	want("Rope", dim > 0 && dim%2 == 0 && heads >= 0 && len(x) == n && len(y) == n,
		"lengths %d, %d for %d rows of %d heads of %d", len(y), len(x), len(pos), heads, dim)
	for _, p := range pos {
		want("Rope", p >= 0 && int(p) < len(table)/dim, "position %d, want one of the table's %d", p, len(table)/dim)
	}
	sign := float32(1)
	if inverse {
		sign = -1
	}
	m.fn[rope].Invoke(address(y), address(x), address(table), address(pos), len(pos), heads, dim/2, sign)
	runtime.KeepAlive(y)
	runtime.KeepAlive(x)
	runtime.KeepAlive(table)
	runtime.KeepAlive(pos)
}

// Adam is what one step of AdamW wants besides tensors.
type Adam struct {
	LR, WeightDecay, Beta1, Beta2, Eps float32
	Correction1                        float32 // 1 − β1ᵏ
	Correction2                        float32 // √(1 − β2ᵏ)
	Clip                               float32 // factor of the gradient, 1 for none
}

// AdamW updates the parameters p with moments mom and v by the gradient g, as
// torch.optim.AdamW does.
func (m *Module) AdamW(p, mom, v, g []float32, h Adam) {
	n := len(p)
	want("AdamW", len(mom) == n && len(v) == n && len(g) == n, "lengths %d, %d, %d, %d, want equal", n, len(mom), len(v), len(g))
	m.fn[adamW].Invoke(address(p), address(mom), address(v), address(g), n,
		h.Clip, 1-h.LR*h.WeightDecay, 1-h.Beta1, h.Beta2, 1-h.Beta2, h.LR/h.Correction1, h.Correction2, h.Eps)
	runtime.KeepAlive(p)
	runtime.KeepAlive(mom)
	runtime.KeepAlive(v)
	runtime.KeepAlive(g)
}
