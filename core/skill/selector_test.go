package skill

import (
	"math"
	"testing"

	"handful/core/graph"
)

func TestLogits(t *testing.T) {
	r := Rand(3)
	for skills := 1; skills < 9; skills++ {
		w := make([]float32, 4*skills)
		for q := range 4 {
			left := 1.
			for s := range skills - 1 {
				x := left * r.Float64() * float64(r.IntN(2)) // some are 0
				w[q*skills+s] = float32(x)
				left -= float64(w[q*skills+s])
			}
			w[(q+1)*skills-1] = float32(left)
		}
		z := Logits(w, skills)
		for i, got := range Weights(z, 4, skills, graph.SelectSigmoid) {
			if math.Abs(float64(got-w[i])) > 1e-6 {
				t.Errorf("%d skills: weight %d is %g, want %g (logits %v)", skills, i, got, w[i], z)
			}
		}
	}
}
