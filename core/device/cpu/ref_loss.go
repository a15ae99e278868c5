package cpu

import (
	"math"

	"handful/core/graph"
)

// logSumExp is log Σ exp(x), shifted by the maximum.
func logSumExp(x []float32) float64 {
	most, s := x[0], 0.0
	for _, v := range x {
		most = max(most, v)
	}
	for _, v := range x {
		s += math.Exp(float64(v - most))
	}
	return float64(most) + math.Log(s)
}

func refCrossEntropy(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, label, v := in[0].f, in[1].i, in[0].cols()
	smooth := float64(n.Attr.(graph.CrossEntropyAttr).Smooth)
	return func() {
		for i, l := range label {
			if out.f[i] = 0; l < 0 || int(l) >= v {
				continue
			}
			r, sum := x[i*v:(i+1)*v], 0.0
			for _, z := range r {
				sum += float64(z)
			}
			out.f[i] = float32(logSumExp(r) - (1-smooth)*float64(r[l]) - smooth/float64(v)*sum)
		}
	}
}

func refCrossEntropyGrad(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, label, dy, v := in[0].f, in[1].i, in[2].f, out.cols()
	smooth := float64(n.Attr.(graph.CrossEntropyAttr).Smooth)
	return func() {
		for i, l := range label {
			y := out.f[i*v : (i+1)*v]
			if l < 0 || int(l) >= v {
				clear(y)
				continue
			}
			r := x[i*v : (i+1)*v]
			lse := logSumExp(r)
			for j := range y {
				y[j] = float32(math.Exp(float64(r[j])-lse)-smooth/float64(v)) * dy[i]
			}
			y[l] -= float32(1-smooth) * dy[i]
		}
	}
}

func refGroupSum(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, w, of := in[0].f, in[1].f, in[2].i
	return func() {
		clear(out.f)
		for i, g := range of {
			if g >= 0 && int(g) < len(out.f) {
				out.f[g] += w[i] * x[i]
			}
		}
	}
}

func refGroupSumGrad(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	w, of, dy := in[0].f, in[1].i, in[2].f
	return func() {
		for i, g := range of {
			if out.f[i] = 0; g >= 0 && int(g) < len(dy) {
				out.f[i] = w[i] * dy[g]
			}
		}
	}
}

// keep is what is left of 1, and a hundredth, without the likelihood e^(−x).
func keep(x float32) float64 { return 1 - math.Exp(-float64(x)) + 1e-2 }

func refUnlikelihood(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	return func() {
		for i, x := range in[0].f {
			out.f[i] = float32(-math.Log(keep(x)))
		}
	}
}

func refUnlikelihoodGrad(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, dy := in[0].f, in[1].f
	return func() {
		for i := range out.f {
			out.f[i] = float32(-float64(dy[i]) * math.Exp(-float64(x[i])) / keep(x[i]))
		}
	}
}
