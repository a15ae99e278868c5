package cpu

import (
	"context"
	"testing"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// A frozen variable's values are where they were, and nothing may write them.
func TestFrozenValuesStayWhereTheyAre(t *testing.T) {
	ctx := context.Background()
	d := New(Fast).(*Device)
	defer d.Close()
	values := []float32{1, 2, 3}
	v := tensor.FromF32("v", values, 3)
	v.Frozen = true
	b, err := d.value(v)
	if err != nil || &b.f[0] != &values[0] {
		t.Fatalf("the values are copied (%v)", err)
	}
	if err := d.WriteVar(ctx, v, make([]byte, 12)); !fault.Is(err, fault.Bug) || values[0] != 1 {
		t.Errorf("writing gives %v, and %v", err, values)
	}
	g := graph.New()
	m, q := tensor.Zeros("m", 3), tensor.Zeros("q", 3)
	grad, hyper := g.Input("g", tensor.F32, 3), g.Input("hyper", tensor.F32, 8)
	if _, err := d.Compile(ctx, graph.AdamW(v, m, q, grad, graph.GlobalNorm(grad), hyper)); !fault.Is(err, fault.Bug) {
		t.Errorf("an update gives %v", err)
	}
}
