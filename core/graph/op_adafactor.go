package graph

import "handful/core/tensor"

// KindAdafactor is one step of transformers' Adafactor with relative_step
// False, warmup_init False and no first moment, in place on the variable p and
// its averages of squared gradients. A tensor of two axes or more is factored
// over its last two, apart for each leading index: with p [b, m, n] there are
// row [b, m] and col [b, n]; a vector keeps v, as long as itself. With
// h = hyper [8] = {lr, weight decay, β2 = 1 − k^−0.8, scale_parameter as 0 or 1,
// clip, clip_threshold, ε1, ε2} and c as in KindAdamW:
//
//	g ← c·g;  s = g² + ε1
//	row ← β2·row + (1−β2)·mean_n s;  col ← β2·col + (1−β2)·mean_m s;  v ← β2·v + (1−β2)·s
//	u = g·√(mean_m row)/√(row·col)   or, for a vector, g/√v
//	a = lr·max(ε2, RMS(p)) where scale_parameter is set, else lr
//	p ← p − wd·a·p − a·u/max(1, RMS(u)/clip_threshold)
//
// RMS is that of the whole tensor. A norm that is not finite changes nothing.
// In: p, row, col, g, norm [1], hyper [8], or p, v, g, norm, hyper; Var is p;
// Attr is AdafactorAttr. It is an effect: it runs after every reader of p.
const KindAdafactor Kind = "Adafactor"

// AdafactorAttr is how a tensor is factored: blocks of rows × cols. A vector
// is one block of as many rows as it has elements, and not factored.
type AdafactorAttr struct {
	Blocks, Rows, Cols int
	Factored           bool
}

// AdafactorOf tells how a tensor of this shape is factored.
func AdafactorOf(shape []int) AdafactorAttr {
	k := len(shape) - 2
	if k < 0 {
		return AdafactorAttr{1, tensor.Numel(shape), 1, false}
	}
	return AdafactorAttr{tensor.Numel(shape[:k]), shape[k], shape[k+1], true}
}

// State are the sizes of the averages: row and col, or v alone.
func (a AdafactorAttr) State() []int {
	if a.Factored {
		return []int{a.Blocks * a.Rows, a.Blocks * a.Cols}
	}
	return []int{a.Rows}
}

// Adafactor updates p by gradient g; state are variables of AdafactorAttr.State.
func Adafactor(p *tensor.Var, state []*tensor.Var, g, norm, hyper *Node) *Node {
	a := AdafactorOf(p.Shape)
	sizes := a.State()
	ok := tensor.Numel(p.Shape) == g.Numel() && len(state) == len(sizes) && norm.Numel() == 1 && hyper.Numel() == 8
	for i := 0; ok && i < len(sizes); i++ {
		ok = tensor.Numel(state[i].Shape) == sizes[i]
	}
	want(KindAdafactor, ok, "p %v, g %v, state %v, norm %v, hyper %v; want state of %v", p.Shape, g.Shape, state, norm.Shape, hyper.Shape, sizes)
	in := []*Node{g.g.Use(p)}
	for _, s := range state {
		in = append(in, g.g.Use(s))
	}
	n := g.g.add(KindAdafactor, a, p.Shape, append(in, g, norm, hyper)...)
	n.Var = p
	return n
}
