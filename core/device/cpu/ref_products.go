package cpu

import "handful/core/graph"

// refLinear is KindLinear and KindLinearT with their epilogues.
func refLinear(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	a := n.Attr.(graph.LinearAttr)
	x, w, forward := in[0], in[1], n.Kind == graph.KindLinear
	row := make([]float32, w.cols())
	sum := make([]float64, len(out.f))
	var h, m, slot, add *buf
	rest := in[2:]
	if a.Routed {
		h, m, slot, rest = rest[0], rest[1], rest[2], rest[3:]
	}
	if a.Add {
		add = rest[0]
	}
	xc, yc := x.cols(), out.cols()
	return func() {
		clear(sum)
		for o := 0; o < w.rows(); o++ {
			w.decodeRows(row, o, o+1)
			for i := 0; i < x.rows(); i++ {
				if forward {
					sum[i*yc+o] = dot64(x.f[i*xc:(i+1)*xc], row)
					continue
				}
				for j, v := range row {
					sum[i*yc+j] += float64(x.f[i*xc+o]) * float64(v)
				}
			}
		}
		for i := range out.f {
			if out.f[i] = float32(sum[i]); a.Add {
				out.f[i] += add.f[i]
			}
		}
		if a.Routed {
			routed(out.f, h, m, slot.i, a.Scale, !forward, true)
		}
	}
}

// routed is y (+)= scale·x·M[slot], or x·M[slot]ᵀ.
func routed(y []float32, x, m *buf, slot []int32, scale float32, transposed, add bool) {
	a, b := m.shape[1], m.shape[2]
	in, out := a, b
	if transposed {
		in, out = b, a
	}
	for i, s := range slot {
		yr := y[i*out : (i+1)*out]
		if !add {
			clear(yr)
		}
		if s < 0 || int(s) >= m.shape[0] {
			continue
		}
		xr, mt := x.f[i*in:(i+1)*in], m.f[int(s)*a*b:(int(s)+1)*a*b]
		for o := range yr {
			sum := 0.0
			for k, v := range xr {
				if transposed {
					sum += float64(v) * float64(mt[o*b+k])
				} else {
					sum += float64(v) * float64(mt[k*b+o])
				}
			}
			yr[o] += scale * float32(sum)
		}
	}
}

func refRouted(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	scale, t := n.Attr.(graph.RoutedAttr).Scale, n.Kind == graph.KindRoutedT
	return func() { routed(out.f, in[0], in[1], in[2].i, scale, t, false) }
}

func refRoutedOuter(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	scale := n.Attr.(graph.RoutedAttr).Scale
	x, y, slot := in[0].f, in[1].f, in[2].i
	a, b := out.shape[1], out.shape[2]
	sum := make([]float64, len(out.f))
	return func() {
		clear(sum)
		for i, s := range slot {
			if s < 0 || int(s) >= out.shape[0] {
				continue
			}
			at := int(s) * a * b
			for p := 0; p < a; p++ {
				for q := 0; q < b; q++ {
					sum[at+p*b+q] += float64(x[i*a+p]) * float64(y[i*b+q])
				}
			}
		}
		for i, v := range sum {
			out.f[i] = scale * float32(v)
		}
	}
}

func refOuter(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	a, b, p, q := in[0].f, in[1].f, in[0].cols(), in[1].cols()
	sum := make([]float64, p*q)
	return func() {
		clear(sum)
		for i := 0; i < in[0].rows(); i++ {
			for j := 0; j < p; j++ {
				for k := 0; k < q; k++ {
					sum[j*q+k] += float64(a[i*p+j]) * float64(b[i*q+k])
				}
			}
		}
		for i, v := range sum {
			out.f[i] = float32(v)
		}
	}
}

// module walks a mixed module in the order of a skill's values: for head q it
// calls f with the module's offset and the skill's, for runs of n values.
func module(shape []int, axis, q int, f func(at, skill, n int)) {
	heads, a, b := shape[0], shape[2], shape[3]
	if axis == 0 {
		f(q*a*b, 0, a*b)
		return
	}
	for i := 0; i < a; i++ {
		f(i*heads*b+q*b, i*b, b)
	}
}

func refMix(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	w, p := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := w.shape[0], w.shape[1], w.shape[2], p.shape[2]*p.shape[3]
	return func() {
		for t := 0; t < tasks; t++ {
			y := out.f[t*heads*size : (t+1)*heads*size]
			for q := 0; q < heads; q++ {
				module(p.shape, axis, q, func(at, from, k int) {
					for j := 0; j < k; j++ {
						sum := 0.0
						for s := 0; s < skills; s++ {
							sum += float64(w.f[(t*heads+q)*skills+s]) * float64(p.f[(q*skills+s)*size+from+j])
						}
						y[at+j] = float32(sum)
					}
				})
			}
		}
	}
}

func refMixGradW(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	dm, p := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := out.shape[0], out.shape[1], out.shape[2], p.shape[2]*p.shape[3]
	return func() {
		for t := 0; t < tasks; t++ {
			g := dm.f[t*heads*size : (t+1)*heads*size]
			for q := 0; q < heads; q++ {
				for s := 0; s < skills; s++ {
					sum := 0.0
					module(p.shape, axis, q, func(at, from, k int) {
						sum += dot64(g[at:at+k], p.f[(q*skills+s)*size+from:][:k])
					})
					out.f[(t*heads+q)*skills+s] = float32(sum)
				}
			}
		}
	}
}

func refMixGradP(_ *Device, n *graph.Node, in []*buf, out *buf) func() {
	w, dm := in[0], in[1]
	axis := n.Attr.(graph.MixAttr).Axis
	tasks, heads, skills, size := w.shape[0], w.shape[1], w.shape[2], out.shape[2]*out.shape[3]
	return func() {
		clear(out.f)
		for t := 0; t < tasks; t++ {
			g := dm.f[t*heads*size : (t+1)*heads*size]
			for q := 0; q < heads; q++ {
				for s := 0; s < skills; s++ {
					c := w.f[(t*heads+q)*skills+s]
					module(out.shape, axis, q, func(at, to, k int) {
						y := out.f[(q*skills+s)*size+to:][:k]
						for j := range y {
							y[j] += c * g[at+j]
						}
					})
				}
			}
		}
	}
}
