package graph

// KindCrossEntropy is y[i] = log Σ_v exp(x[i,v]) − x[i, label[i]]; label < 0
// gives 0 and no gradient. x [l, V], label I32 [l] → y [l].
//
//	dx[i] = (softmax(x[i]) − onehot(label[i]))·dy[i]   (KindCrossEntropyGrad)
const (
	KindCrossEntropy     Kind = "CrossEntropy"
	KindCrossEntropyGrad Kind = "CrossEntropyGrad" // In: x, label, dy → [l, V]
)

// CrossEntropy is the negative log likelihood of each row's label, in nats.
func CrossEntropy(x, label *Node) *Node {
	want(KindCrossEntropy, len(x.Shape) == 2 && isIndex(label, x.Shape[0]), "x %v, label %v", x.Shape, label.Shape)
	return x.g.add(KindCrossEntropy, nil, []int{x.Shape[0]}, x, label)
}

func init() {
	registerVJP(KindCrossEntropy, func(n, dy *Node, need []bool) []*Node {
		return []*Node{n.g.add(KindCrossEntropyGrad, nil, n.In[0].Shape, n.In[0], n.In[1], dy), nil}
	})
}
