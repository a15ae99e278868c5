package graph

import "handful/core/tensor"

// KindGlobalNorm is y [1] = √(Σ over all inputs and elements of x²), the norm
// that gradients are clipped by.
const KindGlobalNorm Kind = "GlobalNorm"

// GlobalNorm is the Euclidean norm of all gradients together.
func GlobalNorm(grads ...*Node) *Node {
	want(KindGlobalNorm, len(grads) > 0, "no gradients")
	return grads[0].g.add(KindGlobalNorm, nil, []int{1}, grads...)
}

// KindAdamW is one step of decoupled-weight-decay Adam (torch.optim.AdamW,
// single tensor), in place on the variables p, m, v. With
// h = hyper [8] = {lr, weight decay, β1, β2, eps, 1−β1^k, √(1−β2^k), clip}
// and c = min(1, clip/(norm+1e-6)) where clip > 0, else 1 (clip_grad_norm_):
//
//	g ← c·g;  p ← p·(1 − lr·wd);  m ← m + (1−β1)(g − m);  v ← β2·v + (1−β2)g²
//	p ← p − lr/(1−β1^k) · m / (√v/√(1−β2^k) + eps)
//
// A norm that is not finite changes nothing: p, m, v stay at the last good step.
// Bias corrections come from the host in float64. In: p, m, v, g, norm [1],
// hyper [8]; Var is p. It is an effect: it runs after every reader of p.
const KindAdamW Kind = "AdamW"

// AdamW updates p with moments m and v by gradient g.
func AdamW(p, m, v *tensor.Var, g, norm, hyper *Node) *Node {
	want(KindAdamW, tensor.Numel(p.Shape) == g.Numel() && tensor.Numel(m.Shape) == g.Numel() && tensor.Numel(v.Shape) == g.Numel() && norm.Numel() == 1 && hyper.Numel() == 8,
		"p %v, g %v, norm %v, hyper %v", p.Shape, g.Shape, norm.Shape, hyper.Shape)
	n := g.g.add(KindAdamW, nil, p.Shape, g.g.Use(p), g.g.Use(m), g.g.Use(v), g, norm, hyper)
	n.Var = p
	return n
}

// Effect reports whether the node changes a variable instead of making a value
// of its own. An update runs after everything else in a program; StoreRows runs
// in place, and its readers after it.
func (n *Node) Effect() bool { return n.update() || n.Kind == KindStoreRows }

// update reports whether the node is an optimiser's step.
func (n *Node) update() bool { return n.Kind == KindAdamW || n.Kind == KindAdafactor }
