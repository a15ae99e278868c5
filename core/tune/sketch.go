package tune

import (
	"context"
	"math"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/route"
	"handful/core/skill"
)

// Sketches computes the gradients of tasks' rows under ad as Align does, and
// keeps of each a count sketch (Charikar, Chen, Farach-Colton 2002) of unit
// length, skill.SketchSize numbers: element i of the gradient is added to one of them
// with a sign, both taken from a hash of i. The scalar product of two sketches
// is the cosine of their gradients on average, with a standard deviation of at
// most √(2/skill.SketchSize) = 0.044. on, which may be nil, hears after each task how
// many are done.
func Sketches(ctx context.Context, d device.Device, m model.Model, ad route.Adapter, tasks int, sets [][]Row, on func(done int)) (out [][]float32, err error) {
	defer fault.Recover("align", &err)
	err = skillGradients(ctx, d, m, ad, tasks, sets, func(t int, _, norm float64, g []float32) {
		out = append(out, sketch(g, norm))
		if on != nil {
			on(t + 1)
		}
	})
	return out, err
}

// sketch is the count sketch of g/norm; of a gradient of zero it is zero.
func sketch(g []float32, norm float64) []float32 {
	sums := make([]float64, skill.SketchSize)
	for i, x := range g {
		h := mix64(uint64(i))
		v := float64(x)
		if h>>63 == 1 {
			v = -v
		}
		sums[h%skill.SketchSize] += v
	}
	out := make([]float32, skill.SketchSize)
	if norm > 0 {
		for i, v := range sums {
			out[i] = float32(v / norm)
		}
	}
	return out
}

// mix64 is the output function of SplitMix64 (Steele, Lea, Flood 2014): a
// bijection that spreads neighbours over all bits.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// CosineOfSketches is the cosine between two sketches: an estimate of that
// between the gradients. It is 0 where one is zero.
func CosineOfSketches(a, b []float32) float64 {
	if both := math.Sqrt(dot(a, a) * dot(b, b)); both > 0 {
		return dot(a, b) / both
	}
	return 0
}
