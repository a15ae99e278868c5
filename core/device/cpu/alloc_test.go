package cpu

import (
	"context"
	"testing"

	"handful/core/graph"
	"handful/core/tensor"
)

// A run of the reference allocates nothing; a fast one may hand closures to
// goroutines. (gonum starts one for each tile of a large product.)
func TestRunAllocatesLittle(t *testing.T) {
	for _, c := range []struct {
		kernels Kernels
		atMost  int
	}{{Reference, 0}, {Fast, 3 * (2 + 2*workers())}} {
		for _, n := range []int{1, 16, 160} {
			d := New(c.kernels)
			g := graph.New()
			x := g.Input("x", tensor.F32, n, 64)
			w := tensor.NewVar("w", tensor.MemSource(tensor.Q8_0, []int{64, 64}, make([]byte, 64*68), ""))
			y := graph.GatedAct(graph.Linear(graph.RMSNorm(x, g.Fill(1, 64), 1e-5), g.Use(w)), x, graph.SiLU)
			p, err := d.Compile(context.Background(), y)
			if err != nil {
				t.Fatal(err)
			}
			got := testing.AllocsPerRun(20, func() {
				if err := p.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
			})
			if got > float64(c.atMost) {
				t.Errorf("%s, %d rows: %v allocations a run of three steps, want at most %d", d.Info().Family, n, got, c.atMost)
			}
		}
	}
}
