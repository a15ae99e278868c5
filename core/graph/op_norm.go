package graph

// KindRMSNorm is y[i] = w ⊙ x[i]·ρ, ρ = 1/√(mean_j x[i,j]² + eps).
// x [n, d], w [d] → y [n, d]; Attr is RMSNormAttr. x [n, h·d] is h rows of d: the
// heads of a token, each normalised alone.
//
//	dx = ρ·(w⊙dy) − ρ³/d·x·Σ_j x_j w_j dy_j
//	dw = Σ_i dy[i] ⊙ x[i]·ρ_i
const KindRMSNorm Kind = "RMSNorm"

// KindRMSNormGrad is dx, as x, from x, w, dy.
const KindRMSNormGrad Kind = "RMSNormGrad"

// KindRMSNormGradW is dw [d] from x, dy.
const KindRMSNormGradW Kind = "RMSNormGradW"

// RMSNormAttr is the attribute of the three RMSNorm ops.
type RMSNormAttr struct{ Eps float32 }

// RMSNorm is root-mean-square normalisation (Llama, T5; of heads Qwen3).
func RMSNorm(x, w *Node, eps float32) *Node {
	want(KindRMSNorm, len(x.Shape) == 2 && x.Shape[1]%w.Numel() == 0, "x %v, w %v", x.Shape, w.Shape)
	return x.g.add(KindRMSNorm, RMSNormAttr{eps}, x.Shape, x, w)
}

func init() {
	registerVJP(KindRMSNorm, func(n, dy *Node, need []bool) []*Node {
		x, w := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = x.g.add(KindRMSNormGrad, n.Attr, x.Shape, x, w, dy)
		}
		if need[1] {
			out[1] = x.g.add(KindRMSNormGradW, n.Attr, w.Shape, x, dy)
		}
		return out
	})
}
