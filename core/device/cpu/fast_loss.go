package cpu

import (
	"math"

	"handful/core/graph"
)

func fastCrossEntropy(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, label, v := in[0].f, in[1].i, in[0].cols()
	smooth := n.Attr.(graph.CrossEntropyAttr).Smooth
	scratch := make([]float32, v*workers())
	return func() {
		parallelWorkers(len(label), func(worker, i int) {
			l := label[i]
			if out.f[i] = 0; l < 0 || int(l) >= v {
				return
			}
			r := x[i*v : (i+1)*v]
			m := maxOf(r)
			s := d.blas.expSum(scratch[worker*v:(worker+1)*v], r, m)
			out.f[i] = float32(math.Log(float64(s))) + (m - r[l])
			if smooth > 0 {
				sum := 0.0
				for _, z := range r {
					sum += float64(z - r[l])
				}
				out.f[i] -= smooth * float32(sum/float64(v))
			}
		})
	}
}

func fastCrossEntropyGrad(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	x, label, dy, v := in[0].f, in[1].i, in[2].f, out.cols()
	smooth := n.Attr.(graph.CrossEntropyAttr).Smooth
	return func() {
		parallelWorkers(len(label), func(_, i int) {
			y, l := out.f[i*v:(i+1)*v], label[i]
			if l < 0 || int(l) >= v {
				clear(y)
				return
			}
			r := x[i*v : (i+1)*v]
			c, each := dy[i]/d.blas.expSum(y, r, maxOf(r)), smooth/float32(v)*dy[i]
			for j := range y {
				y[j] = y[j]*c - each
			}
			y[l] -= (1 - smooth) * dy[i]
		})
	}
}
