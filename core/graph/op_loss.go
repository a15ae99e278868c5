package graph

// KindCrossEntropy is the label-smoothed cross-entropy, with smoothing ε from
// CrossEntropyAttr (0: the plain negative log likelihood):
//
//	y[i] = log Σ_v exp(x[i,v]) − (1−ε)·x[i, label[i]] − ε/V·Σ_v x[i,v]
//
// which is (1−ε)·NLL + ε/V·Σ_v −log p_v. label < 0 gives 0 and no gradient.
// x [l, V], label I32 [l] → y [l].
//
//	dx[i] = (softmax(x[i]) − (1−ε)·onehot(label[i]) − ε/V)·dy[i]   (KindCrossEntropyGrad)
const (
	KindCrossEntropy     Kind = "CrossEntropy"
	KindCrossEntropyGrad Kind = "CrossEntropyGrad" // In: x, label, dy → [l, V]
)

// CrossEntropyAttr is the attribute of the cross-entropy ops.
type CrossEntropyAttr struct{ Smooth float32 } // ε

// CrossEntropy is the negative log likelihood of each row's label, in nats.
func CrossEntropy(x, label *Node) *Node { return SmoothCrossEntropy(x, label, 0) }

// SmoothCrossEntropy mixes the label with the uniform distribution by smooth.
func SmoothCrossEntropy(x, label *Node, smooth float32) *Node {
	want(KindCrossEntropy, len(x.Shape) == 2 && isIndex(label, x.Shape[0]), "x %v, label %v", x.Shape, label.Shape)
	return x.g.add(KindCrossEntropy, CrossEntropyAttr{smooth}, []int{x.Shape[0]}, x, label)
}

func init() {
	registerVJP(KindCrossEntropy, func(n, dy *Node, need []bool) []*Node {
		return []*Node{n.g.add(KindCrossEntropyGrad, n.Attr, n.In[0].Shape, n.In[0], n.In[1], dy), nil}
	})
}
