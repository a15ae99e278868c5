package tune_test

import (
	"context"
	"testing"

	"handful/core/format/formattest"
	"handful/core/tensor"
	"handful/core/tune"
)

// TestGoldenAdafactor takes ten steps of transformers' Adafactor on every
// device (testdata/make_adafactor.py).
func TestGoldenAdafactor(t *testing.T) {
	ctx := context.Background()
	f := formattest.Safetensors(t, "testdata/adafactor.safetensors")
	close := func(t *testing.T, name string, got, want []float32) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s has %d values, want %d", name, len(got), len(want))
		}
		for i, w := range want {
			if !near(float64(got[i]), float64(w), 1e-7, 2e-5) {
				t.Fatalf("%s[%d] is %v, want %v", name, i, got[i], w)
			}
		}
	}
	for name, d := range devices(t) {
		for _, c := range []struct {
			name string
			o    tune.Optim
		}{
			{"plain", tune.Optim{}},
			{"scaled", tune.Optim{ScaleParameter: true}},
			{"decayed", tune.Optim{ScaleParameter: true, Decay: 0.1}},
		} {
			o := c.o
			o.Name, o.LR = tune.Adafactor, 3e-3
			for _, tensorName := range []string{"router", "skills", "vector", "lora", "zero"} {
				t.Run(name+"/"+c.name+"/"+tensorName, func(t *testing.T) {
					p := tensor.FromF32("p", f.F32(tensorName+".start"), f.Shape(tensorName+".start")...)
					run, averages := o.Update(t, d, p)
					grads, n := f.F32(tensorName+".grads"), tensor.Numel(p.Shape)
					read := func(v *tensor.Var) []float32 {
						x := make([]float32, tensor.Numel(v.Shape))
						if err := d.ReadVar(ctx, v, tensor.F32Bytes(x)); err != nil {
							t.Fatal(err)
						}
						return x
					}
					prefix := c.name + "." + tensorName + "."
					for k := 0; k*n < len(grads); k++ {
						if err := run(k, grads[k*n:(k+1)*n]); err != nil {
							t.Fatal(err)
						}
						if k == 0 {
							close(t, "step 1", read(p), f.F32(prefix+"step1"))
						}
					}
					close(t, "step 10", read(p), f.F32(prefix+"step10"))
					if len(averages) == 1 {
						close(t, "v", read(averages[0]), f.F32(prefix+"exp_avg_sq"))
						return
					}
					close(t, "row", read(averages[0]), f.F32(prefix+"exp_avg_sq_row"))
					close(t, "col", read(averages[1]), f.F32(prefix+"exp_avg_sq_col"))
				})
			}
		}
	}
}
