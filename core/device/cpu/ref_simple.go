package cpu

import (
	"math"

	"handful/core/graph"
)

// reference are the plain kernels, one for each op of package graph.
var reference = map[graph.Kind]kernel{
	graph.KindAdd:       refAdd,
	graph.KindScaleBy:   refScaleBy,
	graph.KindDot:       refDot,
	graph.KindGather:    refGather,
	graph.KindScatter:   refScatter,
	graph.KindStoreRows: refStoreRows,

	graph.KindScaleCols:      refScaleCols,
	graph.KindScaleColsGradS: refScaleColsGradS,

	graph.KindRMSNorm:      refRMSNorm,
	graph.KindRMSNormGrad:  refRMSNormGrad,
	graph.KindRMSNormGradW: refRMSNormGradW,

	graph.KindLinear:      refLinear,
	graph.KindLinearT:     refLinear,
	graph.KindOuter:       refOuter,
	graph.KindRouted:      refRouted,
	graph.KindRoutedT:     refRouted,
	graph.KindRoutedOuter: refRoutedOuter,

	graph.KindMix:            refMix,
	graph.KindMixGradW:       refMixGradW,
	graph.KindMixGradP:       refMixGradP,
	graph.KindRouterNorm:     refRouterNorm,
	graph.KindRouterNormGrad: refRouterNormGrad,

	graph.KindRope:               refRope,
	graph.KindAttention:          refAttention,
	graph.KindAttentionSkip:      refAttention,
	graph.KindAttentionStats:     refAttentionStats,
	graph.KindAttentionSkipStats: refAttentionStats,
	graph.KindAttentionGradQ:     refAttentionGradQ,
	graph.KindAttentionSkipGradQ: refAttentionGradQ,
	graph.KindAttentionGradK:     refAttentionGradK,
	graph.KindAttentionGradV:     refAttentionGradV,

	graph.KindGatedAct:         refGatedAct,
	graph.KindGatedActGradGate: refGatedActGradGate,
	graph.KindReLU:             refReLU,
	graph.KindReLUGrad:         refReLUGrad,
	graph.KindCrossEntropy:     refCrossEntropy,
	graph.KindCrossEntropyGrad: refCrossEntropyGrad,
	graph.KindGroupSum:         refGroupSum,
	graph.KindGroupSumGrad:     refGroupSumGrad,
	graph.KindUnlikelihood:     refUnlikelihood,
	graph.KindUnlikelihoodGrad: refUnlikelihoodGrad,
	graph.KindGlobalNorm:       refGlobalNorm,
	graph.KindAdamW:            refAdamW,
	graph.KindAdafactor:        refAdafactor,
}

func refAdd(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	a, b, y := in[0].f, in[1].f, out.f
	return func() {
		for i := range y {
			y[i] = a[i] + b[i]
		}
	}
}

func refScaleBy(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	a, s, y := in[0].f, in[1].f, out.f
	return func() {
		for i := range y {
			y[i] = a[i] * s[0]
		}
	}
}

func refDot(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	return func() { out.f[0] = float32(dot64(in[0].f, in[1].f)) }
}

// dot64 sums products in float64.
func dot64(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func refGather(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	table, rows, d := in[0], in[1].i, out.cols()
	return func() {
		for i, r := range rows {
			y := out.f[i*d : (i+1)*d]
			if r < 0 || int(r) >= table.rows() {
				clear(y)
				continue
			}
			table.decodeRows(y, int(r), int(r)+1)
		}
	}
}

func refScatter(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, rows, d := in[0].f, in[1].i, out.cols()
	return func() {
		clear(out.f)
		for i, r := range rows {
			if r < 0 || int(r) >= out.rows() {
				continue
			}
			for j := 0; j < d; j++ {
				out.f[int(r)*d+j] += x[i*d+j]
			}
		}
	}
}

func refStoreRows(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, rows, d := in[1].f, in[2].i, out.cols()
	return func() {
		for i, r := range rows {
			if r >= 0 && int(r) < out.rows() {
				copy(out.f[int(r)*d:(int(r)+1)*d], x[i*d:])
			}
		}
	}
}

func refRMSNorm(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, w, d := in[0].f, in[1].f, len(in[1].f)
	eps := float64(n.Attr.(graph.RMSNormAttr).Eps)
	return func() {
		for i := range len(x) / d {
			r := x[i*d : (i+1)*d]
			rho := rms(r, eps)
			for j := range r {
				out.f[i*d+j] = w[j] * float32(float64(r[j])*rho)
			}
		}
	}
}

// rms is ρ = 1/√(mean x² + eps).
func rms(x []float32, eps float64) float64 {
	return 1 / math.Sqrt(dot64(x, x)/float64(len(x))+eps)
}

func refRMSNormGrad(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, w, dy, d := in[0].f, in[1].f, in[2].f, len(in[1].f)
	eps := float64(n.Attr.(graph.RMSNormAttr).Eps)
	return func() {
		for i := range len(x) / d {
			r, g := x[i*d:(i+1)*d], dy[i*d:(i+1)*d]
			rho, s := rms(r, eps), 0.0
			for j := range r {
				s += float64(r[j]) * float64(w[j]) * float64(g[j])
			}
			c := rho * rho * rho * s / float64(d)
			for j := range r {
				out.f[i*d+j] = float32(rho*float64(w[j])*float64(g[j]) - c*float64(r[j]))
			}
		}
	}
}

func refRMSNormGradW(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, dy, d := in[0].f, in[1].f, len(out.f)
	eps := float64(n.Attr.(graph.RMSNormAttr).Eps)
	sum := make([]float64, d)
	return func() {
		clear(sum)
		for i := range len(x) / d {
			r := x[i*d : (i+1)*d]
			rho := rms(r, eps)
			for j := range r {
				sum[j] += float64(dy[i*d+j]) * float64(r[j]) * rho
			}
		}
		for j := range sum {
			out.f[j] = float32(sum[j])
		}
	}
}

func refRope(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, table, pos := in[0].f, in[1], in[2].i
	a := n.Attr.(graph.RopeAttr)
	d, cols, h := a.Dim, out.cols(), a.Dim/2
	sign := float32(1)
	if a.Inverse {
		sign = -1
	}
	return func() {
		for i := 0; i < out.rows(); i++ {
			p := min(max(int(pos[i]), 0), table.rows()-1)
			cos, sin := table.f[p*d:p*d+h], table.f[p*d+h:(p+1)*d]
			for at := i * cols; at < (i+1)*cols; at += d {
				for j := 0; j < h; j++ {
					x1, x2, s := x[at+j], x[at+h+j], sign*sin[j]
					out.f[at+j], out.f[at+h+j] = x1*cos[j]-x2*s, x2*cos[j]+x1*s
				}
			}
		}
	}
}

// activation gives act(x) and act'(x).
func activation(act graph.Activation, x float64) (y, slope float64) {
	u, du := x, 1.0
	if act == graph.GELUNew {
		u, du = geluScale*(x+geluCube*x*x*x), geluScale*(1+3*geluCube*x*x)
	}
	s := 1 / (1 + math.Exp(-u))
	return x * s, s * (1 + x*(1-s)*du)
}

func refGatedAct(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	g, u, act := in[0].f, in[1].f, n.Attr.(graph.ActAttr).Act
	return func() {
		for i := range out.f {
			y, _ := activation(act, float64(g[i]))
			out.f[i] = float32(y * float64(u[i]))
		}
	}
}

func refGatedActGradGate(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	g, u, dy, act := in[0].f, in[1].f, in[2].f, n.Attr.(graph.ActAttr).Act
	return func() {
		for i := range out.f {
			_, slope := activation(act, float64(g[i]))
			out.f[i] = float32(float64(dy[i]) * float64(u[i]) * slope)
		}
	}
}

func refReLU(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	return func() { plainRows{}.relu(out.f, in[0].f) }
}

func refReLUGrad(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	return func() { plainRows{}.reluGrad(out.f, in[0].f, in[1].f) }
}

func refGlobalNorm(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	return func() {
		s := 0.0
		for _, b := range in {
			s += dot64(b.f, b.f)
		}
		out.f[0] = float32(math.Sqrt(s))
	}
}

func refAdamW(_ *Device, _ *graph.Node, in []*buf, _ *buf) func() {
	p, m, v, g, norm, h := in[0].f, in[1].f, in[2].f, in[3].f, in[4].f, in[5].f
	return func() {
		if norm[0]-norm[0] != 0 {
			return // not finite: stay at the last good step
		}
		lr, wd, b1, b2, eps, c1, c2, clip := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
		c := float32(1)
		if clip > 0 {
			c = min(1, clip/(norm[0]+1e-6))
		}
		for i := range p {
			x := c * g[i]
			m[i] += (1 - b1) * (x - m[i])
			v[i] = b2*v[i] + (1-b2)*x*x
			p[i] = p[i]*(1-lr*wd) - lr/c1*m[i]/(float32(math.Sqrt(float64(v[i])))/c2+eps)
		}
	}
}
