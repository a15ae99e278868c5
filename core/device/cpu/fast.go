package cpu

import (
	"math"

	"handful/core/graph"
)

// fast replaces the reference where speed counts: products, attention, the
// activation, the norms, cross-entropy and AdamW.
var fast = map[graph.Kind]kernel{
	graph.KindLinear:      fastLinear,
	graph.KindLinearT:     fastLinear,
	graph.KindOuter:       fastOuter,
	graph.KindRouted:      fastRouted,
	graph.KindRoutedT:     fastRouted,
	graph.KindRoutedOuter: fastRoutedOuter,

	graph.KindScaleCols:      fastScaleCols,
	graph.KindScaleColsGradS: fastScaleColsGradS,

	graph.KindMix:      fastMix,
	graph.KindMixGradW: fastMixGradW,
	graph.KindMixGradP: fastMixGradP,

	graph.KindRMSNorm:     fastRMSNorm,
	graph.KindRMSNormGrad: fastRMSNormGrad,

	graph.KindAttention:          fastAttention,
	graph.KindAttentionSkip:      fastAttention,
	graph.KindAttentionStats:     fastAttentionStats,
	graph.KindAttentionSkipStats: fastAttentionStats,
	graph.KindAttentionGradQ:     fastAttentionGradQ,
	graph.KindAttentionSkipGradQ: fastAttentionGradQ,
	graph.KindAttentionGradK:     fastAttentionGradK,
	graph.KindAttentionGradV:     fastAttentionGradV,

	graph.KindGatedAct:         fastGatedAct,
	graph.KindGatedActGradGate: fastGatedActGradGate,
	graph.KindReLU:             fastReLU,
	graph.KindReLUGrad:         fastReLUGrad,
	graph.KindCrossEntropy:     fastCrossEntropy,
	graph.KindCrossEntropyGrad: fastCrossEntropyGrad,
	graph.KindAdamW:            fastAdamW,
	graph.KindAdafactor:        fastAdafactor,
}

func fastGatedAct(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	g, u, y, act := in[0].f, in[1].f, out.f, n.Attr.(graph.ActAttr).Act
	return func() { parallel(len(y), 1<<14, func(lo, hi int) { d.blas.gated(act, y[lo:hi], g[lo:hi], u[lo:hi]) }) }
}

func fastGatedActGradGate(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	g, u, dy, y, act := in[0].f, in[1].f, in[2].f, out.f, n.Attr.(graph.ActAttr).Act
	return func() {
		parallel(len(y), 1<<14, func(lo, hi int) { d.blas.gatedGrad(act, y[lo:hi], g[lo:hi], u[lo:hi], dy[lo:hi]) })
	}
}

func fastReLU(d *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, y := in[0].f, out.f
	return func() { parallel(len(y), 1<<14, func(lo, hi int) { d.blas.relu(y[lo:hi], x[lo:hi]) }) }
}

func fastReLUGrad(d *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, dy, y := in[0].f, in[1].f, out.f
	return func() {
		parallel(len(y), 1<<14, func(lo, hi int) { d.blas.reluGrad(y[lo:hi], x[lo:hi], dy[lo:hi]) })
	}
}

func fastRMSNorm(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, w, y, c := in[0].f, in[1].f, out.f, len(in[1].f)
	eps := n.Attr.(graph.RMSNormAttr).Eps
	return func() {
		parallel(len(y)/c, 16, func(lo, hi int) { d.blas.rmsNorm(y[lo*c:hi*c], x[lo*c:hi*c], w, eps) })
	}
}

func fastRMSNormGrad(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, w, dy, y, c := in[0].f, in[1].f, in[2].f, out.f, len(in[1].f)
	eps := n.Attr.(graph.RMSNormAttr).Eps
	return func() {
		parallel(len(y)/c, 16, func(lo, hi int) { d.blas.rmsNormGrad(y[lo*c:hi*c], x[lo*c:hi*c], w, dy[lo*c:hi*c], eps) })
	}
}

func maxOf(x []float32) float32 {
	m := x[0]
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

func fastAdamW(_ *Device, _ *graph.Node, in []*buf, _ *buf) func() {
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
		keep, rate := 1-lr*wd, lr/c1
		parallel(len(p), 1<<14, func(lo, hi int) {
			p, m, v, g := p[lo:hi], m[lo:hi], v[lo:hi], g[lo:hi]
			for i, x := range g {
				x *= c
				m[i] += (1 - b1) * (x - m[i])
				v[i] = b2*v[i] + (1-b2)*x*x
				p[i] = p[i]*keep - rate*m[i]/(float32(math.Sqrt(float64(v[i])))/c2+eps)
			}
		})
	}
}
