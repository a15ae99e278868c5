package tune

import (
	"math"
	"math/rand/v2"

	"handful/core/route"
	"handful/core/tensor"
)

// noise draws what makes routes samples of a relaxed Bernoulli of temperature 1
// (METHOD A1; torch's RelaxedBernoulli.rsample): log u − log(1−u), u ~ U(0, 1),
// for each example, layer, head and skill of a step. It hangs on the seed, the
// step and the example alone, so that a run can be repeated and gone on with.
type noise struct {
	seed   uint64
	values []float32
}

// Sample makes the method's training sample its routes; what is learned routes
// by the plain sigmoid. Only z and mhr have routes; others stay as they are.
func (m *Method) Sample(seed uint64) *Method {
	if p, ok := m.Adapter.(*route.Poly); ok {
		p.Sampled, m.noise = true, &noise{seed: seed}
	}
	return m
}

// clamped is torch's clamp_probs for float32: u stays this far from 0 and 1.
const clamped = 1.1920929e-07

// draw fills the noise [sites·slots, q·s] of a step, which counts from 0. Slot i
// is the example first+i: one has the same noise in whatever part of a batch it
// is. The values are overwritten by the next draw.
func (s *noise) draw(step, first, slots int, shape []int) []float32 {
	if n := tensor.Numel(shape); len(s.values) != n {
		s.values = make([]float32, n)
	}
	width := shape[1]
	for slot := range slots {
		r := rand.New(rand.NewPCG(s.seed, uint64(step)<<32|uint64(first+slot)))
		for row := slot; row < shape[0]; row += slots {
			for i := range width {
				u := min(max(r.Float64(), clamped), 1-clamped)
				s.values[row*width+i] = float32(math.Log(u) - math.Log1p(-u))
			}
		}
	}
	return s.values
}
