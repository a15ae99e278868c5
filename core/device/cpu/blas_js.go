package cpu

import (
	"fmt"

	"handful/core/device/cpu/simd"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// simdBlas is the wasm SIMD module on Go's own memory. Rows that are shorter
// than a call into it costs stay in Go.
type simdBlas struct {
	plainRows
	m *simd.Module
	*crew
}

// short is a row for which plain Go is as fast as a call through JavaScript.
const short = 24

func (s simdBlas) name() string {
	n := "Go + wasm SIMD"
	if s.m.Variant() == simd.Relaxed {
		n += " (relaxed FMA)"
	}
	if s.crew != nil {
		n += fmt.Sprintf(", %d threads", s.crew.Processors())
	}
	return n
}

func (s simdBlas) family() string {
	if s.crew != nil && s.crew.least == 0 {
		return "crew"
	}
	return string(s.m.Variant())
}

func (s simdBlas) nn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	s.m.GemmNN(c, a, b, m, n, k, ldc, lda, ldb, alpha, acc)
}

func (s simdBlas) nt(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	s.m.GemmNT(c, a, b, m, n, k, ldc, lda, ldb, alpha, acc)
}

func (s simdBlas) tn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	s.m.GemmTN(c, a, b, m, n, k, ldc, lda, ldb, alpha, acc)
}

func (s simdBlas) decode(dst []float32, w *buf, lo, hi int) {
	if w.dt == tensor.F32 {
		w.decodeRows(dst, lo, hi)
		return
	}
	n := w.cols()
	s.m.Decode(w.dt, dst[:(hi-lo)*n], w.stored(lo, hi))
}

func (s simdBlas) gated(act graph.Activation, y, g, u []float32) {
	if act == graph.GELUNew {
		s.m.GELUMul(y, g, u)
		return
	}
	s.m.SiLUMul(y, g, u)
}

func (s simdBlas) gatedGrad(act graph.Activation, y, g, u, dy []float32) {
	if act == graph.GELUNew {
		s.m.GELUGradGate(y, g, u, dy)
		return
	}
	s.m.SiLUGradGate(y, g, u, dy)
}

func (s simdBlas) relu(y, x []float32)          { s.m.ReLU(y, x) }
func (s simdBlas) reluGrad(dx, x, dy []float32) { s.m.ReLUGrad(dx, x, dy) }

func (s simdBlas) expSum(y, x []float32, shift float32) float32 {
	if len(x) < short {
		return s.plainRows.expSum(y, x, shift)
	}
	return s.m.ExpSum(y, x, shift)
}

func (s simdBlas) rmsNorm(y, x, w []float32, eps float32) { s.m.RMSNorm(y, x, w, eps) }
func (s simdBlas) rmsNormGrad(dx, x, w, dy []float32, eps float32) {
	s.m.RMSNormGrad(dx, x, w, dy, eps)
}

// families name what can be forced: relaxed FMA or plain SIMD, both on one
// thread; a crew for every product however small; plain Go.
var families = map[string][]simd.Variant{"": nil, "crew": nil, "relaxed": {simd.Relaxed}, "plain": {simd.Plain}}

// loaded keeps modules: one is enough for all devices.
var loaded = map[string]products{}

func platform(family string) (products, error) {
	if family == "go" {
		return goBlas{}, nil
	}
	variants, ok := families[family]
	if !ok {
		return nil, fault.Inputf("device", "cpu has no kernel family %q here, want crew, relaxed, plain or go", family).Next("leave the family out to take the fastest")
	}
	if b := loaded[family]; b != nil {
		b.(simdBlas).joined()
		return b, nil
	}
	m, err := simd.Load(variants...)
	if err != nil {
		if family != "" {
			return nil, fault.Unsupportedf("device", "kernel family %s does not load here (%w)", family, err)
		}
		return goBlas{}, nil
	}
	b := simdBlas{m: m}
	if variants == nil {
		b.crew = hire(m, family == "crew")
	}
	if family == "crew" && b.crew == nil {
		return nil, fault.Unsupportedf("device", "this page shares no memory with helpers (it is not cross-origin isolated, or has one processor)")
	}
	b.joined()
	loaded[family] = b
	return b, nil
}

func defaultBlas() products {
	b, err := platform("")
	if err != nil {
		return goBlas{}
	}
	return b
}
