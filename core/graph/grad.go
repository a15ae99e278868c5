package graph

import (
	"handful/core/fault"
	"handful/core/tensor"
)

// VJP emits the nodes of a vector-Jacobian product: for node n with output
// cotangent dy, the cotangent of each input i with need[i]; nil elsewhere.
type VJP func(n, dy *Node, need []bool) []*Node

var vjps = map[Kind]VJP{}

// registerVJP is called by each differentiable op's file.
func registerVJP(k Kind, f VJP) {
	if vjps[k] != nil {
		panic("graph: VJP of " + string(k) + " registered twice")
	}
	vjps[k] = f
}

// Differentiable lists the ops that have a VJP, for tests.
func Differentiable() map[Kind]bool {
	m := map[Kind]bool{}
	for k := range vjps {
		m[k] = true
	}
	return m
}

// Grad adds to loss's graph the gradient of loss ([1]) with respect to each
// variable. Only nodes on a path from a variable to the loss are visited, so
// frozen weights cost nothing; store says what is kept for it. A variable that
// the loss does not reach is an error, as is an op without a derivative on the
// way.
func Grad(loss *Node, store Store, wrt ...*tensor.Var) (grads []*Node, err error) {
	defer fault.Recover("grad", &err)
	g := loss.g
	want("Grad", loss.Numel() == 1, "loss has shape %v, want [1]", loss.Shape)
	useful := make([]bool, loss.ID+1) // depends on a wanted variable
	for _, v := range wrt {
		n := g.vars[v]
		if n == nil || n.ID > loss.ID {
			return nil, fault.New(fault.Bug, "grad", "the loss does not use %s", v)
		}
		useful[n.ID] = true
	}
	for _, n := range g.nodes[:loss.ID+1] {
		for _, in := range n.In {
			useful[n.ID] = useful[n.ID] || useful[in.ID]
		}
	}
	second := again{store, map[*Node]*Node{}}
	cot := map[int]*Node{loss.ID: g.Fill(1, loss.Shape...)}
	for id := loss.ID; id >= 0; id-- {
		n, dy := g.nodes[id], cot[id]
		if dy == nil || !useful[id] || n.Kind == KindVar {
			continue
		}
		need := make([]bool, len(n.In))
		for i, in := range n.In {
			need[i] = useful[in.ID]
		}
		f := vjps[n.Kind]
		if f == nil {
			return nil, fault.New(fault.Bug, "grad", "%s has no derivative", n)
		}
		for i, d := range second.vjp(f, n, dy, need) {
			if !need[i] {
				continue
			}
			in := n.In[i]
			want("Grad", d != nil && d.Numel() == in.Numel(), "VJP of %s gives %v for input %d, want %v", n, d, i, in.Shape)
			if c := cot[in.ID]; c != nil {
				d = Add(c, d)
			}
			cot[in.ID] = d
		}
	}
	for _, v := range wrt {
		d := cot[g.vars[v].ID]
		if d == nil {
			return nil, fault.New(fault.Bug, "grad", "no gradient reaches %s", v)
		}
		grads = append(grads, d)
	}
	return grads, nil
}
