package skill

import (
	"math"
	"slices"

	"handful/core/fault"
	"handful/core/graph"
)

// eps keeps the normalisation finite (mttl's EPS, PEFT's EPS).
const eps = 1e-12

// Weights is graph.KindRouterNorm on the host for one row of logits [q·s], in
// float64: [q, s].
func Weights(z []float32, splits, skills int, sel graph.Selector) []float32 {
	w := make([]float32, splits*skills)
	factor := math.Sqrt(float64(splits) / float64(skills))
	for q := 0; q < splits; q++ {
		h := z[q*skills : (q+1)*skills]
		sum, squares := eps, 0.0
		for s, x := range h {
			sum += on(x, s == skills-1, sel)
			squares += float64(x) * float64(x)
		}
		for s, x := range h {
			switch norm := math.Sqrt(squares); {
			case sel == graph.SelectCorrection:
				w[q*skills+s] = float32(sigmoid(x) * factor)
			case sel == graph.SelectL2 && norm > eps:
				w[q*skills+s] = float32(float64(x) / norm)
			case sel != graph.SelectL2:
				w[q*skills+s] = float32(on(x, s == skills-1, sel) / sum)
			}
		}
	}
	return w
}

// on is what is normalised over a head's skills.
func on(x float32, last bool, sel graph.Selector) float64 {
	switch {
	case sel == graph.SelectStraightThrough && x > 0, sel == graph.SelectShared && last:
		return 1
	case sel == graph.SelectStraightThrough:
		return 0
	}
	return sigmoid(x)
}

func sigmoid(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }

// Weights is the mixture [q, s] of one row of logits [q·s].
func (inv *Inventory) Weights(z []float32) []float32 {
	return Weights(z, inv.Splits, inv.Skills, inv.Selector)
}

// Logits are logits of one row [q·s] whose Weights by the plain selector are w
// [q, s], up to rounding: of all that are, those with 0 at each head's largest.
// w is what counts of them, each head of it summing to 1.
func Logits(w []float32, skills int) []float32 {
	z := make([]float32, len(w))
	for at := 0; at < len(w); at += skills {
		most := float64(slices.Max(w[at : at+skills]))
		for s, x := range w[at : at+skills] {
			half := float64(x) / (2 * most) // σ(z): ½ for the largest
			z[at+s] = float32(max(math.Log(half/(1-half)), -certain))
		}
	}
	return z
}

// certain is a logit whose sigmoid is 1 and whose negative's is 0, even beside
// ε: a head with nothing but −certain has weights of 2e-10.
const certain = 50

// Portable is the inventory with logits that mean the same to PEFT, which
// knows the sigmoid selector only: a skill that is always on, or that rounding
// has switched, gets a logit of ±50. The weights of l2 and correction do not
// sum to 1, so their routers have no such form.
func (inv *Inventory) Portable() (*Inventory, error) {
	c := *inv
	c.Routing = Routing{}
	switch inv.Selector {
	case "", graph.SelectSigmoid:
		return &c, nil
	case graph.SelectShared, graph.SelectStraightThrough:
	default:
		return nil, fault.Unsupportedf("export", "PEFT's POLY has no %s routers", inv.Selector).Next("take the LORA that a task's routing collapses to")
	}
	c.Logits = map[string][]float32{}
	for _, s := range inv.Sites {
		z := append([]float32(nil), inv.Logits[s]...)
		for i, x := range z {
			switch {
			case inv.Selector == graph.SelectShared && (i+1)%inv.Skills != 0:
			case inv.Selector == graph.SelectShared || x > 0:
				z[i] = certain
			default:
				z[i] = -certain
			}
		}
		c.Logits[s] = z
	}
	return &c, nil
}
