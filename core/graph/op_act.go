package graph

// KindGatedAct is y = act(gate) ⊙ up. All [n, d]; Attr is ActAttr.
//
//	silu(x) = x·σ(x),  silu'(x) = σ(x)·(1 + x·(1−σ(x)))
//	dgate = dy·up·act'(gate)  (KindGatedActGradGate),  dup = dy·act(gate)  (KindGatedActGradUp)
const (
	KindGatedAct         Kind = "GatedAct"
	KindGatedActGradGate Kind = "GatedActGradGate" // In: gate, up, dy
	KindGatedActGradUp   Kind = "GatedActGradUp"   // In: gate, dy
)

// Activation names an elementwise function.
type Activation string

// SiLU is x·σ(x), Llama's gate.
const SiLU Activation = "silu"

// ActAttr is the attribute of the gated activations.
type ActAttr struct{ Act Activation }

// GatedAct is act(gate)·up.
func GatedAct(gate, up *Node, act Activation) *Node {
	want(KindGatedAct, sameShape(gate, up), "gate %v, up %v", gate.Shape, up.Shape)
	return gate.g.add(KindGatedAct, ActAttr{act}, gate.Shape, gate, up)
}

func init() {
	registerVJP(KindGatedAct, func(n, dy *Node, need []bool) []*Node {
		gate, up := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = n.g.add(KindGatedActGradGate, n.Attr, gate.Shape, gate, up, dy)
		}
		if need[1] {
			out[1] = n.g.add(KindGatedActGradUp, n.Attr, up.Shape, gate, dy)
		}
		return out
	})
}
