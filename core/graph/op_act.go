package graph

// KindGatedAct is y = act(gate) ⊙ up. All [n, d]; Attr is ActAttr. With σ the
// sigmoid:
//
//	silu(x) = x·σ(x),      silu'(x) = σ(x)·(1 + x·(1−σ(x)))
//	gelu_new(x) = x·σ(u),  gelu_new'(x) = σ(u)·(1 + x·(1−σ(u))·u'),  u = √(8/π)·(x + 0.044715·x³)
//	dgate = dy·up·act'(gate)  (KindGatedActGradGate),  dup = dy·act(gate)  (KindGatedAct of gate and dy)
const (
	KindGatedAct         Kind = "GatedAct"
	KindGatedActGradGate Kind = "GatedActGradGate" // In: gate, up, dy
)

// Activation names an elementwise function.
type Activation string

// The gates of Llama and of T5 v1.1: x·σ(x), and the approximation of GELU that
// is ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
const (
	SiLU    Activation = "silu"
	GELUNew Activation = "gelu_new"
)

// ActAttr is the attribute of the gated activations.
type ActAttr struct{ Act Activation }

// GatedAct is act(gate)·up.
func GatedAct(gate, up *Node, act Activation) *Node {
	want(KindGatedAct, sameShape(gate, up), "gate %v, up %v", gate.Shape, up.Shape)
	want(KindGatedAct, act == SiLU || act == GELUNew, "activation %q", act)
	return gate.g.add(KindGatedAct, ActAttr{act}, gate.Shape, gate, up)
}

// KindReLU is y = max(x, 0), element by element: the activation of T5 v1.0.
//
//	dx = dy where x > 0, else 0   (KindReLUGrad)
const (
	KindReLU     Kind = "ReLU"
	KindReLUGrad Kind = "ReLUGrad" // In: x, dy
)

// ReLU is max(x, 0).
func ReLU(x *Node) *Node { return x.g.add(KindReLU, nil, x.Shape, x) }

func init() {
	registerVJP(KindGatedAct, func(n, dy *Node, need []bool) []*Node {
		gate, up := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = n.g.add(KindGatedActGradGate, n.Attr, gate.Shape, gate, up, dy)
		}
		if need[1] {
			out[1] = n.g.add(KindGatedAct, n.Attr, up.Shape, gate, dy)
		}
		return out
	})
	registerVJP(KindReLU, func(n, dy *Node, need []bool) []*Node {
		return []*Node{n.g.add(KindReLUGrad, nil, n.Shape, n.In[0], dy)}
	})
}
