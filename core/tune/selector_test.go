package tune_test

import (
	"context"
	"testing"

	"handful/core/format/formattest"
	"handful/core/graph"
	"handful/core/skill"
	"handful/core/tensor"
)

// TestGoldenSelector holds routing weights against PEFT's: the op on every
// device, and the host's own.
func TestGoldenSelector(t *testing.T) {
	f := formattest.Safetensors(t, "../../testdata/golden/mhr/selector_variants.safetensors")
	z, want, shape := f.F32("logits"), f.F32("sigmoid_normalized"), f.Shape("logits")
	rows, splits, skills := shape[0], shape[1], shape[2]
	check := func(t *testing.T, got []float32) {
		t.Helper()
		for i, w := range want {
			if !near(float64(got[i]), float64(w), 2e-6, 1e-5) {
				t.Fatalf("weight %d is %v, want %v", i, got[i], w)
			}
		}
	}
	var host []float32
	for r := 0; r < rows; r++ {
		host = append(host, skill.Weights(z[r*splits*skills:(r+1)*splits*skills], splits, skills)...)
	}
	check(t, host)
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			in := g.Input("z", tensor.F32, rows, splits*skills)
			w := graph.RouterNorm(in, splits, skills)
			p, err := d.Compile(context.Background(), w)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Write(in, tensor.F32Bytes(z)); err != nil {
				t.Fatal(err)
			}
			if err := p.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, len(want))
			if err := p.Read(context.Background(), w, tensor.F32Bytes(got)); err != nil {
				t.Fatal(err)
			}
			check(t, got)
		})
	}
}
