package cpu

import (
	"math"

	"handful/core/graph"
)

// plainRows are the row loops of blas in plain Go, shared by every platform
// that has nothing better.
type plainRows struct{}

func (plainRows) decode(dst []float32, w *buf, lo, hi int) { w.decodeRows(dst, lo, hi) }

func sigmoid32(x float32) float32 { return 1 / (1 + float32(math.Exp(-float64(x)))) }

// gelu_new is x·σ(geluScale·(x + geluCube·x³)).
const (
	geluScale = 1.5957691216057308 // √(8/π)
	geluCube  = 0.044715
)

func (plainRows) gated(act graph.Activation, y, g, u []float32) {
	if act == graph.GELUNew {
		for i, x := range g {
			y[i] = x * sigmoid32(geluScale*(x+geluCube*x*x*x)) * u[i]
		}
		return
	}
	for i, x := range g {
		y[i] = x * sigmoid32(x) * u[i]
	}
}

func (plainRows) gatedGrad(act graph.Activation, y, g, u, dy []float32) {
	for i, x := range g {
		inner, slope := x, float32(1) // of σ
		if act == graph.GELUNew {
			inner, slope = geluScale*(x+geluCube*x*x*x), geluScale*(1+3*geluCube*x*x)
		}
		s := sigmoid32(inner)
		y[i] = dy[i] * u[i] * s * (1 + x*(1-s)*slope)
	}
}

func (plainRows) relu(y, x []float32) {
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func (plainRows) reluGrad(dx, x, dy []float32) {
	for i, v := range x {
		if dx[i] = 0; v > 0 {
			dx[i] = dy[i]
		}
	}
}

func (plainRows) expSum(y, x []float32, shift float32) float32 {
	s := 0.0
	for i, v := range x {
		e := math.Exp(float64(v - shift))
		y[i] = float32(e)
		s += e
	}
	return float32(s)
}

func (plainRows) dot(a, b []float32) float32 { return dot32(a, b) }

func (plainRows) rmsNorm(y, x, w []float32, eps float32) {
	for c := len(w); len(x) >= c; x, y = x[c:], y[c:] {
		r, o := x[:c], y[:c]
		rho := float32(1 / math.Sqrt(float64(dot32(r, r)/float32(c)+eps)))
		for j, v := range r {
			o[j] = w[j] * (v * rho)
		}
	}
}

func (plainRows) rmsNormGrad(dx, x, w, dy []float32, eps float32) {
	for c := len(w); len(x) >= c; x, dy, dx = x[c:], dy[c:], dx[c:] {
		r, g, o := x[:c], dy[:c], dx[:c]
		rho := float32(1 / math.Sqrt(float64(dot32(r, r)/float32(c)+eps)))
		for j := range o {
			o[j] = w[j] * g[j]
		}
		k := rho * rho * rho * dot32(r, o) / float32(c)
		for j := range o {
			o[j] = rho*o[j] - k*r[j]
		}
	}
}
