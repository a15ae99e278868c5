package cpu

import "handful/core/graph"

// panelBytes is how much of a stored weight is widened at a time: it should
// stay in the second-level cache beside what it is multiplied with.
const panelBytes = 512 << 10

// fastLinear is KindLinear and KindLinearT: the sum's other part is laid down
// first, products are added panel by panel of W's rows, then the adapter's.
func fastLinear(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := n.Attr.(graph.LinearAttr)
	x, w, forward := in[0], in[1], n.Kind == graph.KindLinear
	rows, xc, yc, wc := x.rows(), x.cols(), out.cols(), w.cols()
	var h, m, slot, add *buf
	rest := in[2:]
	if a.Routed {
		h, m, slot, rest = rest[0], rest[1], rest[2], rest[3:]
	}
	if a.Add {
		add = rest[0]
	}
	d.hold(w)
	panel := min(w.rows(), max(16, panelBytes/4/wc))
	if w.f != nil {
		panel = w.rows()
	} else if n := panel * wc; n > len(d.panel) {
		d.panel = make([]float32, n) // steps run one after the other: one serves all
	}
	product := func() {
		for lo := 0; lo < w.rows(); lo += panel {
			hi := min(lo+panel, w.rows())
			p := d.panel
			if w.f != nil {
				p = w.f[lo*wc:]
			} else {
				decode(d.blas, p, w, lo, hi)
			}
			if forward {
				d.blas.nt(rows, hi-lo, xc, 1, x.f, xc, p, wc, a.Add, out.f[lo:], yc)
			} else {
				d.blas.nn(rows, yc, hi-lo, 1, x.f[lo:], xc, p, wc, a.Add || lo > 0, out.f, yc)
			}
		}
	}
	return func() {
		s, ok := d.blas.(shared)
		switch {
		case ok && s.product(out.f, x.f, w, rows, !forward):
			if a.Add {
				for i, v := range add.f {
					out.f[i] += v
				}
			}
		default:
			if a.Add {
				copy(out.f, add.f)
			}
			product()
		}
		if a.Routed {
			fastRoutedAdd(d.blas, out.f, h, m, slot.i, a.Scale, !forward)
		}
	}
}

// shared are products that weights can be given to, which compute on several
// processors by themselves.
type shared interface {
	hold(w *buf)
	release(w *buf)
	leave()
	product(y, x []float32, w *buf, n int, backward bool) bool
}

// decode widens rows [lo, hi) of w, in parallel where there are cores.
func decode(b products, dst []float32, w *buf, lo, hi int) {
	c := w.cols()
	parallel(hi-lo, 32, func(p, q int) { b.decode(dst[p*c:q*c], w, lo+p, lo+q) })
}

// runs calls f for each run of rows with an equal, valid slot.
func runs(slot []int32, tasks int, f func(t, lo, hi int)) {
	for lo := 0; lo < len(slot); {
		hi := lo + 1
		for hi < len(slot) && slot[hi] == slot[lo] {
			hi++
		}
		if t := int(slot[lo]); t >= 0 && t < tasks {
			f(t, lo, hi)
		}
		lo = hi
	}
}

// fastRoutedAdd is y += scale·x·M[slot], or x·M[slot]ᵀ, one product a run.
func fastRoutedAdd(b products, y []float32, x, m *buf, slot []int32, scale float32, transposed bool) {
	p, q := m.shape[1], m.shape[2]
	runs(slot, m.shape[0], func(t, lo, hi int) {
		mt := m.f[t*p*q : (t+1)*p*q]
		if transposed {
			b.nt(hi-lo, p, q, scale, x.f[lo*q:], q, mt, q, true, y[lo*p:], p)
		} else {
			b.nn(hi-lo, q, p, scale, x.f[lo*p:], p, mt, q, true, y[lo*q:], q)
		}
	})
}

func fastRouted(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	scale, t := n.Attr.(graph.RoutedAttr).Scale, n.Kind == graph.KindRoutedT
	return func() {
		clear(out.f)
		fastRoutedAdd(d.blas, out.f, in[0], in[1], in[2].i, scale, t)
	}
}

func fastRoutedOuter(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	scale := n.Attr.(graph.RoutedAttr).Scale
	x, y, slot := in[0].f, in[1].f, in[2].i
	p, q := out.shape[1], out.shape[2]
	return func() {
		clear(out.f)
		runs(slot, out.shape[0], func(t, lo, hi int) {
			d.blas.tn(p, q, hi-lo, scale, x[lo*p:], p, y[lo*q:], q, true, out.f[t*p*q:], q)
		})
	}
}

func fastOuter(d *Device, _ *graph.Node, in []*buf, out *buf) func() {
	p, q := in[0].cols(), in[1].cols()
	return func() { d.blas.tn(p, q, in[0].rows(), 1, in[0].f, p, in[1].f, q, false, out.f, q) }
}

// fastMix mixes by whole runs of values: M[head] = Σ_s w_s·P[s].
func fastMix(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	w, p := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := w.shape[0], w.shape[1], w.shape[2], p.shape[2]*p.shape[3]
	return func() {
		for t := 0; t < tasks; t++ {
			y := out.f[t*heads*size : (t+1)*heads*size]
			for q := 0; q < heads; q++ {
				module(p.shape, axis, q, func(at, from, k int) {
					o := y[at : at+k]
					clear(o)
					for s := 0; s < skills; s++ {
						axpy(o, w.f[(t*heads+q)*skills+s], p.f[(q*skills+s)*size+from:][:k])
					}
				})
			}
		}
	}
}

func fastMixGradW(d *Device, n *graph.Node, in []*buf, out *buf) func() {
	dm, p := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := out.shape[0], out.shape[1], out.shape[2], p.shape[2]*p.shape[3]
	return func() {
		clear(out.f)
		for t := 0; t < tasks; t++ {
			g := dm.f[t*heads*size : (t+1)*heads*size]
			for q := 0; q < heads; q++ {
				o := out.f[(t*heads+q)*skills:][:skills]
				module(p.shape, axis, q, func(at, from, k int) {
					for s := range o {
						o[s] += dot32(g[at:at+k], p.f[(q*skills+s)*size+from:][:k])
					}
				})
			}
		}
	}
}

// fastMixGradP gives each skill of a head to a worker, which adds up the task
// slots in order.
func fastMixGradP(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	w, dm := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := w.shape[0], w.shape[1], w.shape[2], out.shape[2]*out.shape[3]
	return func() {
		parallelWorkers(heads*skills, func(_, i int) {
			q, y := i/skills, out.f[i*size:(i+1)*size]
			clear(y)
			for t := 0; t < tasks; t++ {
				g, c := dm.f[t*heads*size:(t+1)*heads*size], w.f[(t*heads+q)*skills+i%skills]
				module(out.shape, axis, q, func(at, to, k int) { axpy(y[to:to+k], c, g[at:at+k]) })
			}
		})
	}
}

// axpy is y += a·x.
func axpy(y []float32, a float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += a * x[i]
	}
}

// dot32 sums in four lanes, which is faster and no less exact than one.
func dot32(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
