package model

import (
	"math"

	"handful/core/tensor"
)

// ropeTable holds cos and sin of pos·f for each position of the context and
// each frequency f_i = θ^(−2i/HeadDim) / RopeStretch_i, as transformers computes
// them; on the host, because a shader's sin may be off by 2⁻¹¹. [Context,
// HeadDim]: HeadDim/2 cosines, then as many sines.
func ropeTable(c Config) *tensor.Var {
	half := c.HeadDim / 2
	t := make([]float32, c.Context*c.HeadDim)
	for i := range half {
		f := math.Pow(c.RopeTheta, -float64(2*i)/float64(c.HeadDim))
		if c.RopeStretch != nil {
			f /= c.RopeStretch[i]
		}
		for p := range c.Context {
			// HF keeps frequencies and angles in float32.
			s, cos := math.Sincos(float64(float32(p) * float32(f)))
			t[p*c.HeadDim+i], t[p*c.HeadDim+half+i] = float32(cos), float32(s)
		}
	}
	return tensor.FromF32("rope", t, c.Context, c.HeadDim)
}
