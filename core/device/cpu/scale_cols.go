package cpu

import "handful/core/graph"

func refScaleCols(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, s, y := in[0].f, in[1].f, out.f
	return func() { scaleCols(y, x, s) }
}

func fastScaleCols(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, s, y, d := in[0].f, in[1].f, out.f, out.cols()
	return func() { parallel(out.rows(), 64, func(lo, hi int) { scaleCols(y[lo*d:hi*d], x[lo*d:hi*d], s) }) }
}

// scaleCols is y = x ⊙ s for whole rows of len(s) values.
func scaleCols(y, x, s []float32) {
	for d := len(s); len(y) >= d; x, y = x[d:], y[d:] {
		r, o := x[:d], y[:d]
		for j, v := range s {
			o[j] = r[j] * v
		}
	}
}

func refScaleColsGradS(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, dy, sum := in[0].f, in[1].f, make([]float64, len(out.f))
	return func() { scaleColsGradS(out.f, x, dy, sum, 0, len(sum)) }
}

func fastScaleColsGradS(_ *Device, _ *graph.Node, in []*buf, out *buf) func() {
	x, dy, sum := in[0].f, in[1].f, make([]float64, len(out.f))
	return func() {
		parallel(len(sum), 64, func(lo, hi int) { scaleColsGradS(out.f, x, dy, sum, lo, hi) })
	}
}

// scaleColsGradS is ds[j] = Σ_i dy[i,j]·x[i,j] for columns lo … hi−1, in order
// of the rows.
func scaleColsGradS(ds, x, dy []float32, sum []float64, lo, hi int) {
	clear(sum[lo:hi])
	for at := 0; at < len(x); at += len(ds) {
		for j := lo; j < hi; j++ {
			sum[j] += float64(dy[at+j]) * float64(x[at+j])
		}
	}
	for j := lo; j < hi; j++ {
		ds[j] = float32(sum[j])
	}
}
