package cpu

import "math"

// plainRows are the row loops of blas in plain Go, shared by every platform
// that has nothing better.
type plainRows struct{}

func (plainRows) decode(dst []float32, w *buf, lo, hi int) { w.decodeRows(dst, lo, hi) }

func sigmoid32(x float32) float32 { return 1 / (1 + float32(math.Exp(-float64(x)))) }

func (plainRows) silu(y, g, u []float32) {
	for i, x := range g {
		y[i] = x * sigmoid32(x) * u[i]
	}
}

func (plainRows) siluGradGate(y, g, u, dy []float32) {
	for i, x := range g {
		s := sigmoid32(x)
		y[i] = dy[i] * u[i] * s * (1 + x*(1-s))
	}
}

func (plainRows) siluGradUp(y, g, dy []float32) {
	for i, x := range g {
		y[i] = dy[i] * x * sigmoid32(x)
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
