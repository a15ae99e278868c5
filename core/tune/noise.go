package tune

import (
	"math"
	"math/rand/v2"

	"handful/core/route"
)

// noise draws what makes routes samples of a relaxed Bernoulli of temperature 1
// (METHOD A1; torch's RelaxedBernoulli.rsample): log u − log(1−u), u ~ U(0, 1),
// for each example, layer, head and skill of a step. It hangs on the seed and
// the step alone, so that a run can be repeated and gone on with.
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

// draw fills n values for a step from 0. They are overwritten by the next draw.
func (s *noise) draw(step, n int) []float32 {
	if len(s.values) != n {
		s.values = make([]float32, n)
	}
	r := rand.New(rand.NewPCG(s.seed, uint64(step)))
	for i := range s.values {
		u := min(max(r.Float64(), clamped), 1-clamped)
		s.values[i] = float32(math.Log(u) - math.Log1p(-u))
	}
	return s.values
}
