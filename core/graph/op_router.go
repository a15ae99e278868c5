package graph

// KindRouterNorm turns logits into mixing weights (METHOD A1, mttl's
// PolytroponSelector): In: Z [t, Q·S] and, where routes are sampled, noise
// [m, Q·S] → w [t, Q, S]. Attr is RouterAttr. Row i of Z meets row At+i of the
// noise, so that one input serves every layer of a model:
//
//	x = Z + noise                      (without noise x = Z)
//
// With σ the sigmoid, Σ a sum over the skills of a head and ε = 1e-12:
//
//	sigmoid          z = σ(x),               w = z/(Σz + ε)
//	shared           z = σ(x), last skill 1, w = z/(Σz + ε)
//	straight-through z = round(σ(x)),        w = z/(Σz + ε)
//	correction                               w = σ(x)·√(Q/S)
//	l2                                       w = x/‖x‖, 0 where ‖x‖ ≤ ε
//
//	sigmoid, shared  dx = (dw − Σ dw·w)/(Σz + ε)·σ(1−σ); 0 for the shared skill
//	straight-through the same with σ'(x) for the rounding's derivative, and
//	                 max(1, Σz) below the line: alike where a skill is on, and
//	                 finite where none is
//	correction       dx = dw·√(Q/S)·σ(1−σ)
//	l2               dx = (dw − w·Σ dw·w)/‖x‖, 0 where ‖x‖ ≤ ε
//
// dZ = dx. Noise of log u − log(1−u), u ~ U(0, 1), makes σ(x) a sample of the
// relaxed Bernoulli of temperature 1 (torch's RelaxedBernoulli.rsample).
const (
	KindRouterNorm     Kind = "RouterNorm"
	KindRouterNormGrad Kind = "RouterNormGrad" // In: Z, dw, noise where there is some → [t, Q·S]
)

// Selector names how logits become weights.
type Selector string

// The selectors; SelectSigmoid is mttl's and PEFT's default.
const (
	SelectSigmoid         Selector = "sigmoid"
	SelectShared          Selector = "shared"           // poly_use_shared_skill
	SelectStraightThrough Selector = "straight-through" // module_logits_straight_through
	SelectCorrection      Selector = "correction"       // poly_average_correction
	SelectL2              Selector = "l2"               // module_logits_l2_norm
)

// RouterAttr is the attribute of the RouterNorm ops.
type RouterAttr struct {
	Splits, Skills int
	Selector       Selector // "" is SelectSigmoid
	At             int      // the noise's row that the first row of Z meets
}

// RouterNorm turns logits [t, Q·S] into weights by mttl's and PEFT's default.
func RouterNorm(z *Node, splits, skills int) *Node {
	return Select(z, nil, RouterAttr{Splits: splits, Skills: skills})
}

// Select turns logits [t, Q·S] into weights [t, Q, S]; noise [m, Q·S] may be
// nil.
func Select(z, noise *Node, a RouterAttr) *Node {
	if a.Selector == "" {
		a.Selector = SelectSigmoid
	}
	want(KindRouterNorm, len(z.Shape) == 2 && z.Shape[1] == a.Splits*a.Skills, "Z %v, want [t %d·%d]", z.Shape, a.Splits, a.Skills)
	switch a.Selector {
	case SelectSigmoid, SelectShared, SelectStraightThrough, SelectCorrection, SelectL2:
	default:
		want(KindRouterNorm, false, "selector %q", a.Selector)
	}
	in := []*Node{z}
	if noise != nil {
		want(KindRouterNorm, len(noise.Shape) == 2 && noise.Shape[1] == z.Shape[1] && a.At >= 0 && a.At+z.Shape[0] <= noise.Shape[0],
			"Z %v, noise %v from row %d", z.Shape, noise.Shape, a.At)
		in = append(in, noise)
	}
	return z.g.add(KindRouterNorm, a, []int{z.Shape[0], a.Splits, a.Skills}, in...)
}

func init() {
	registerVJP(KindRouterNorm, func(n, dy *Node, need []bool) []*Node {
		z := n.In[0]
		in := append([]*Node{z, dy}, n.In[1:]...)
		return []*Node{z.g.add(KindRouterNormGrad, n.Attr, z.Shape, in...), nil}[:len(n.In)]
	})
}
