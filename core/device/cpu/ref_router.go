package cpu

import (
	"math"

	"handful/core/graph"
)

// routerEps is mttl's and PEFT's EPS.
const routerEps = 1e-12

// head is one head's routing: x its logits (with noise), p = σ(x), z what is
// normalised, sum what z is divided by (l2: ‖x‖).
type head struct {
	x, p, z []float64
	sum     float64
}

func newHead(skills int) *head {
	return &head{x: make([]float64, skills), p: make([]float64, skills), z: make([]float64, skills)}
}

// read fills the head from logits and, where routes are sampled, their noise.
func (h *head) read(logits, noise []float32, s graph.Selector) {
	last, sum, squares := len(h.x)-1, 0.0, 0.0
	for i, v := range logits {
		h.x[i] = float64(v)
		if noise != nil {
			h.x[i] = float64(v + noise[i])
		}
		h.p[i] = 1 / (1 + math.Exp(-h.x[i]))
		h.z[i] = h.p[i]
		switch {
		case s == graph.SelectStraightThrough:
			h.z[i] = 0 // σ(x) rounds to 1 where x > 0; halves round to even
			if h.x[i] > 0 {
				h.z[i] = 1
			}
		case s == graph.SelectShared && i == last:
			h.z[i] = 1
		}
		sum += h.z[i]
		squares += h.x[i] * h.x[i]
	}
	if h.sum = sum + routerEps; s == graph.SelectL2 {
		h.sum = math.Sqrt(squares)
	}
}

// weight is w of skill i; factor is √(Q/S).
func (h *head) weight(i int, s graph.Selector, factor float64) float64 {
	switch {
	case s == graph.SelectCorrection:
		return h.p[i] * factor
	case s != graph.SelectL2:
		return h.z[i] / h.sum
	case h.sum <= routerEps:
		return 0
	}
	return h.x[i] / h.sum
}

// slope is dx of skill i; dot is Σ dw·w.
func (h *head) slope(i int, dw, dot float64, s graph.Selector, factor float64) float64 {
	bend := h.p[i] * (1 - h.p[i])
	switch s {
	case graph.SelectCorrection:
		return dw * factor * bend
	case graph.SelectL2:
		if h.sum <= routerEps {
			return 0
		}
		return (dw - h.x[i]/h.sum*dot) / h.sum
	case graph.SelectStraightThrough:
		return (dw - dot) / math.Max(1, h.sum) * bend
	case graph.SelectShared:
		if i == len(h.x)-1 {
			return 0
		}
	}
	return (dw - dot) / h.sum * bend
}

// noiseOf is what meets the logits z, nil where routes are not sampled.
func noiseOf(in []*buf, at, n int) []float32 {
	if len(in) == 0 {
		return nil
	}
	lo := at * in[0].cols()
	return in[0].f[lo : lo+n]
}

// cut is x[at:at+n], nil of nil.
func cut(x []float32, at, n int) []float32 {
	if x == nil {
		return nil
	}
	return x[at : at+n]
}

func refRouterNorm(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := n.Attr.(graph.RouterAttr)
	z, noise, h := in[0].f, noiseOf(in[1:], a.At, len(out.f)), newHead(a.Skills)
	factor := math.Sqrt(float64(a.Splits) / float64(a.Skills))
	return func() {
		for at := 0; at < len(z); at += a.Skills {
			h.read(z[at:at+a.Skills], cut(noise, at, a.Skills), a.Selector)
			for s := range h.x {
				out.f[at+s] = float32(h.weight(s, a.Selector, factor))
			}
		}
	}
}

func refRouterNormGrad(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := n.Attr.(graph.RouterAttr)
	z, dw, noise, h := in[0].f, in[1].f, noiseOf(in[2:], a.At, len(out.f)), newHead(a.Skills)
	factor := math.Sqrt(float64(a.Splits) / float64(a.Skills))
	return func() {
		for at := 0; at < len(z); at += a.Skills {
			h.read(z[at:at+a.Skills], cut(noise, at, a.Skills), a.Selector)
			dot := 0.0
			for s := range h.x {
				dot += float64(dw[at+s]) * h.weight(s, a.Selector, factor)
			}
			for s := range h.x {
				out.f[at+s] = float32(h.slope(s, float64(dw[at+s]), dot, a.Selector, factor))
			}
		}
	}
}
