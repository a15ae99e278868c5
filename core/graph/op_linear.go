package graph

// KindLinear is y = x·Wᵀ (+ add) (+ scale·h·M[slot]): the frozen product with
// the residual sum and the adapter's second product as its epilogue.
// x [n, in], W [out, in] of any dtype → y [n, out]. Attr is LinearAttr.
//
//	dx = dy·W (KindLinearT),  dW = dyᵀ·x
//
// The epilogue is put there by Fuse; builders write Add and Routed.
const KindLinear Kind = "Linear"

// KindLinearT is y = x·W (+ add) (+ scale·h·M[slot]ᵀ), the backward of
// KindLinear: x [n, out], W [out, in] → y [n, in].
const KindLinearT Kind = "LinearT"

// LinearAttr says what follows x and W in In, in this order:
// Routed: h [n, r], M, slot I32 [n]; Add: add, of y's shape.
// For KindLinear M is [t, r, out] (h·M); for KindLinearT M is [t, in, r] (h·Mᵀ).
type LinearAttr struct {
	Routed bool
	Scale  float32 // of the routed part
	Add    bool
}

// Linear is x·Wᵀ with a weight stored as PyTorch's nn.Linear, [out, in].
func Linear(x, w *Node) *Node {
	want(KindLinear, len(x.Shape) == 2 && len(w.Shape) == 2 && x.Shape[1] == w.Shape[1],
		"x %v, W %v: x·Wᵀ wants equal last axes", x.Shape, w.Shape)
	return x.g.add(KindLinear, LinearAttr{}, []int{x.Shape[0], w.Shape[0]}, x, w)
}

// LinearT is x·W with a weight stored as [out, in].
func LinearT(x, w *Node) *Node {
	want(KindLinearT, len(x.Shape) == 2 && len(w.Shape) == 2 && x.Shape[1] == w.Shape[0],
		"x %v, W %v: x·W wants x's last axis = W's first", x.Shape, w.Shape)
	return x.g.add(KindLinearT, LinearAttr{}, []int{x.Shape[0], w.Shape[1]}, x, w)
}

func init() {
	registerVJP(KindLinear, func(n, dy *Node, need []bool) []*Node {
		x, w := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = LinearT(dy, w)
		}
		if need[1] {
			out[1] = Outer(dy, x)
		}
		return out
	})
}
