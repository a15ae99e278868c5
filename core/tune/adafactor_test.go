package tune_test

import (
	"context"
	"path/filepath"
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

// TestGoldenAdafactorRun trains ten steps of each method with Adafactor, as
// transformers and PEFT do (testdata/make_adafactor_run.py).
func TestGoldenAdafactorRun(t *testing.T) {
	ctx := context.Background()
	f := formattest.Safetensors(t, "testdata/adafactor_run.safetensors")
	rows, per := goldenRows(t)
	var batches [][]int
	for b := range 10 {
		batches = append(batches, nil)
		for i := range per {
			batches[b] = append(batches[b], b*per+i)
		}
	}
	o := tune.Optim{Name: tune.Adafactor, ScaleParameter: true, LR: 3e-3, RouterLR: 0.1, Clip: 0.2, Warmup: 2, Steps: 10, Linear: true}
	for name, d := range devices(t) {
		for _, run := range []string{"mhr", "z", "mu"} {
			t.Run(name+"/"+run, func(t *testing.T) {
				inv := goldenInventory(t, "s4")
				m := tune.MHR(inv)
				switch run {
				case "z":
					m = tune.Z(inv, initLogits(t, inv, filepath.Join(golden, "s4", "mhr_z", "init_logits.safetensors")))
				case "mu":
					m = tune.Mu(inv)
				}
				defer m.Free(d)
				tr, err := tune.NewTrainer(ctx, d, goldenModel(t), m, rows, batches, o)
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				losses, norms := f.F32(run+".losses"), f.F32(run+".grad_norms")
				for k := 0; !tr.Done(); k++ {
					s, err := tr.Step(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if !near(s.Loss, float64(losses[k]), 2e-4, 0) || !near(s.GradNorm, float64(norms[k]), 2e-5, 2e-3) {
						t.Errorf("step %d: loss %v, norm %v; want %v, %v", s.Step, s.Loss, s.GradNorm, losses[k], norms[k])
					}
				}
				l, err := m.Collapse(ctx, d)
				if err != nil {
					t.Fatal(err)
				}
				compared := 0
				for _, site := range []string{"model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj"} {
					tensors := map[string][]float32{}
					if run == "mu" {
						dim := l.Single.Dims[site]
						tensors[".lora_A.weight"] = transpose(l.Single.A[site], dim[0], l.Single.Rank)
						tensors[".lora_B.weight"] = transpose(l.Single.B[site], l.Single.Rank, dim[1])
					} else {
						tensors[".poly_router.module_logits"] = l.Inventory.Logits[site]
					}
					if run == "mhr" {
						tensors[".poly_lora_A"], tensors[".poly_lora_B"] = l.Inventory.A[site], l.Inventory.B[site]
					}
					for name, got := range tensors {
						want := f.F32(run + ".step10.base_model.model." + site + name)
						for i, w := range want {
							if !near(float64(got[i]), float64(w), 2e-5, 1e-4) {
								t.Fatalf("%s%s[%d] is %v, want %v", site, name, i, got[i], w)
							}
						}
						compared += len(want)
					}
				}
				if compared == 0 {
					t.Error("nothing was compared")
				}
			})
		}
	}
}
