package graph

import (
	"testing"

	"handful/core/tensor"
)

// routedLoss is one adapted linear with a residual, as a model builds it.
func routedLoss(g *Graph, a, b *tensor.Var) *Node {
	x := RMSNorm(g.Input("x", tensor.F32, 5, 8), g.Use(tensor.Zeros("n", 8)), 1e-5)
	slot := g.Input("slot", tensor.I32, 5)
	w := g.Use(tensor.Zeros("w", 8, 8))
	y := Add(x, Add(Linear(x, w), Routed(Routed(x, g.Use(a), slot, 1), g.Use(b), slot, 0.5)))
	y = Add(y, Add(Linear(y, w), Routed(Routed(y, g.Use(a), slot, 1), g.Use(b), slot, 0.5)))
	return Dot(y, g.Input("c", tensor.F32, 5, 8))
}

func TestFusePutsSumsIntoProducts(t *testing.T) {
	g := New()
	a, b := tensor.Zeros("a", 1, 8, 2), tensor.Zeros("b", 1, 2, 8)
	loss := routedLoss(g, a, b)
	grads, err := Grad(loss, StoreAll, a, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(append(grads, loss)...)
	if err != nil {
		t.Fatal(err)
	}
	count := map[Kind]int{}
	for _, s := range p.Steps {
		count[s.Kind]++
		if s.Kind == KindLinear {
			if a := s.Attr.(LinearAttr); !a.Routed || !a.Add || len(s.In) != 6 {
				t.Errorf("%s: attr %+v with %d inputs; want both epilogues", s, a, len(s.In))
			}
		}
	}
	// Two linears forward; one back (the first layer's input needs no gradient).
	if count[KindLinear] != 2 || count[KindLinearT] != 1 {
		t.Errorf("steps %v: want 2 Linear, 1 LinearT", count)
	}
	if count[KindRMSNormGrad] != 0 || count[KindOuter] != 0 {
		t.Errorf("steps %v: frozen branches must be pruned", count)
	}
}

func TestSlotsNeverOverlapAlive(t *testing.T) {
	g := New()
	a, b := tensor.Zeros("a", 1, 8, 2), tensor.Zeros("b", 1, 2, 8)
	loss := routedLoss(g, a, b)
	grads, err := Grad(loss, StoreAll, a, b)
	if err != nil {
		t.Fatal(err)
	}
	outs := append(grads, loss)
	p, err := NewPlan(outs...)
	if err != nil {
		t.Fatal(err)
	}
	owner := map[int]*Node{} // the last writer of each slot
	for _, s := range p.Steps {
		for _, in := range s.In {
			if k := p.Slot(in); k >= 0 && owner[k] != in {
				t.Fatalf("%s reads %s, but slot %d was taken by %s", s, in, k, owner[k])
			}
		}
		k := p.Slot(s)
		for _, in := range s.In {
			if p.Slot(in) == k {
				t.Fatalf("%s writes the slot of its input %s", s, in)
			}
		}
		if p.Slots[k] < s.Bytes() {
			t.Fatalf("slot %d has %d bytes, %s wants %d", k, p.Slots[k], s, s.Bytes())
		}
		owner[k] = s
	}
	for _, o := range outs {
		if n := p.Resolve(o); owner[p.Slot(n)] != n {
			t.Errorf("output %s was overwritten", o)
		}
	}
	total := 0
	for _, s := range p.Steps {
		total += s.Bytes()
	}
	if p.Bytes() >= total {
		t.Errorf("slots take %d bytes, no less than the %d of all values", p.Bytes(), total)
	}
}

func TestGradErrors(t *testing.T) {
	g := New()
	a := tensor.Zeros("a", 4)
	x := g.Input("x", tensor.F32, 4)
	if _, err := Grad(Dot(x, x), StoreAll, a); err == nil {
		t.Error("a variable outside the graph has no gradient")
	}
	nll := g.add(KindCrossEntropyGrad, nil, []int{1}, g.Use(a))
	if _, err := Grad(nll, StoreAll, a); err == nil {
		t.Error("an op without a derivative must be named")
	}
}

func TestShapeFaultsNameOpAndShapes(t *testing.T) {
	g := New()
	defer func() {
		err, _ := recover().(error)
		if err == nil || err.Error() != "Linear: x [2 3], W [4 5]: x·Wᵀ wants equal last axes; fix the graph's builder" {
			t.Errorf("got %v", err)
		}
	}()
	Linear(g.Input("x", tensor.F32, 2, 3), g.Use(tensor.Zeros("w", 4, 5)))
}
