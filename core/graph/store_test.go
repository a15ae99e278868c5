package graph

import (
	"testing"

	"handful/core/tensor"
)

// chain is a loss over blocks of norm, product and activation, whose variables
// are trained.
func chain(blocks, n, d int) (loss *Node, vars []*tensor.Var) {
	g := New()
	x := g.Input("x", tensor.F32, n, d)
	for range blocks {
		w := tensor.FromF32("w", make([]float32, d*d), d, d)
		scale := tensor.FromF32("scale", make([]float32, d), d)
		vars = append(vars, w)
		x = Keep(Add(x, ReLU(Linear(RMSNorm(x, g.Use(scale), 1e-5), g.Use(w)))))
	}
	return Dot(x, g.Fill(1, n, d)), vars
}

// TestStoreTakesLess plans the same gradient with more and more computed twice.
func TestStoreTakesLess(t *testing.T) {
	const blocks, n, d = 12, 64, 32
	plan := func(s Store) *Plan {
		loss, vars := chain(blocks, n, d)
		grads, err := Grad(loss, s, vars...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(append(grads, loss)...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	count := func(p *Plan, k Kind) (c int) {
		for _, s := range p.Steps {
			if s.Kind == k {
				c++
			}
		}
		return c
	}
	all, products, least := plan(StoreAll), plan(StoreProducts), plan(StoreBlocks)
	if count(all, KindRMSNorm) != blocks || count(all, KindLinear) != blocks {
		t.Errorf("all: %d norms and %d products, want %d of each", count(all, KindRMSNorm), count(all, KindLinear), blocks)
	}
	if count(products, KindRMSNorm) != 2*blocks || count(products, KindLinear) != blocks {
		t.Errorf("products: %d norms and %d products, want norms alone twice", count(products, KindRMSNorm), count(products, KindLinear))
	}
	if count(least, KindLinear) != 2*blocks {
		t.Errorf("blocks: %d products, want each twice", count(least, KindLinear))
	}
	value := 4 * n * d
	if all.Bytes()-products.Bytes() < (blocks-3)*value || products.Bytes()-least.Bytes() < (blocks-3)*value {
		t.Errorf("all take %d bytes, products %d, blocks %d; want a value of %d less for each block", all.Bytes(), products.Bytes(), least.Bytes(), value)
	}
}
