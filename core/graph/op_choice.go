package graph

// The ops of T-Few's loss (mttl t0_encoder_decoder.py:training_step), which
// works on the negative log likelihoods of the tokens of several answers.

// KindGroupSum sums weighted values by group: y[g] = Σ_{of[i]=g} w[i]·x[i];
// of[i] outside of y is skipped. It makes an answer's score of its tokens.
// x F32 [n], w F32 [n], of I32 [n] → y, of any shape. The sum runs in order of
// i. w has no gradient.
//
//	dx[i] = w[i]·dy[of[i]]   (KindGroupSumGrad)
const (
	KindGroupSum     Kind = "GroupSum"
	KindGroupSumGrad Kind = "GroupSumGrad" // In: w, of, dy → [n]
)

// GroupSum sums w·x by group into a tensor of the given shape.
func GroupSum(x, w, of *Node, shape ...int) *Node {
	want(KindGroupSum, len(x.Shape) == 1 && sameShape(x, w) && isIndex(of, x.Shape[0]), "x %v, w %v, of %v", x.Shape, w.Shape, of.Shape)
	return x.g.add(KindGroupSum, nil, shape, x, w, of)
}

// KindUnlikelihood is y = −log(1 − e^(−x) + 1/100), element by element: how
// wrong it is to give a token of negative log likelihood x ≥ 0 its likelihood.
//
//	dx = −dy·e^(−x)/(1 − e^(−x) + 1/100)   (KindUnlikelihoodGrad)
const (
	KindUnlikelihood     Kind = "Unlikelihood"
	KindUnlikelihoodGrad Kind = "UnlikelihoodGrad" // In: x, dy
)

// Unlikelihood is −log(1.01 − e^(−x)).
func Unlikelihood(x *Node) *Node { return x.g.add(KindUnlikelihood, nil, x.Shape, x) }

func init() {
	registerVJP(KindGroupSum, func(n, dy *Node, need []bool) []*Node {
		x, w, of := n.In[0], n.In[1], n.In[2]
		want(KindGroupSum, !need[1], "the weights want a gradient and have none")
		return []*Node{n.g.add(KindGroupSumGrad, nil, x.Shape, w, of, dy), nil, nil}
	})
	registerVJP(KindUnlikelihood, func(n, dy *Node, need []bool) []*Node {
		return []*Node{n.g.add(KindUnlikelihoodGrad, nil, n.Shape, n.In[0], dy)}
	})
}
