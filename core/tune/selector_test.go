package tune_test

import (
	"context"
	"testing"

	"handful/core/device"
	"handful/core/format/formattest"
	"handful/core/graph"
	"handful/core/skill"
	"handful/core/tensor"
)

// selected computes weights of logits [rows, q·s] and the gradient of Σ c·w.
func selected(t *testing.T, d device.Device, z, noise, c []float32, shape []int, sel graph.Selector) (w, dz []float32) {
	t.Helper()
	ctx, g := context.Background(), graph.New()
	rows, q, s := shape[0], shape[1], shape[2]
	v := tensor.FromF32("z", append([]float32(nil), z...), rows, q*s)
	v.Trainable = true
	defer d.Free(v)
	var n *graph.Node
	if noise != nil {
		n = g.Input("noise", tensor.F32, rows, q*s)
	}
	out := graph.Select(g.Use(v), n, graph.RouterAttr{Splits: q, Skills: s, Selector: sel})
	cot := g.Input("c", tensor.F32, out.Shape...)
	grads, err := graph.Grad(graph.Dot(out, cot), graph.StoreAll, v)
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.Compile(ctx, out, grads[0])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if noise != nil {
		err = p.Write(n, tensor.F32Bytes(noise))
	}
	if err == nil {
		err = p.Write(cot, tensor.F32Bytes(c))
	}
	if err == nil {
		err = p.Run(ctx)
	}
	w, dz = make([]float32, len(z)), make([]float32, len(z))
	if err == nil {
		err = p.Read(ctx, out, tensor.F32Bytes(w))
	}
	if err == nil {
		err = p.Read(ctx, grads[0], tensor.F32Bytes(dz))
	}
	if err != nil {
		t.Fatal(err)
	}
	return w, dz
}

func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if !near(float64(got[i]), float64(w), 2e-6, 2e-5) {
			t.Fatalf("%s %d is %v, want %v", what, i, got[i], w)
		}
	}
}

// TestGoldenSelectors holds weights against mttl's and their gradients against
// PyTorch's, on every device and on the host.
func TestGoldenSelectors(t *testing.T) {
	f := formattest.Safetensors(t, "../../testdata/golden/mhr/selector_variants.safetensors")
	grads := formattest.Safetensors(t, "testdata/selectors.safetensors")
	z, c, shape := f.F32("logits"), grads.F32("c"), f.Shape("logits")
	closeTo(t, "logit", grads.F32("logits"), z)
	qs := shape[1] * shape[2]
	ds := devices(t)
	for sel, golden := range map[graph.Selector]string{"sigmoid": "sigmoid_normalized", "l2": "l2_norm", "straight-through": "straight_through",
		"correction": "poly_average_correction", "shared": "shared_skill"} {
		t.Run(string(sel), func(t *testing.T) {
			want := f.F32(golden)
			closeTo(t, "PyTorch's weight", grads.F32("w."+string(sel)), want)
			var host []float32
			for r := 0; r < shape[0]; r++ {
				host = append(host, skill.Weights(z[r*qs:(r+1)*qs], shape[1], shape[2], sel)...)
			}
			closeTo(t, "the host's weight", host, want)
			for name, d := range ds {
				w, dz := selected(t, d, z, nil, c, shape, sel)
				closeTo(t, name+": weight", w, want)
				closeTo(t, name+": gradient", dz, grads.F32("grad."+string(sel)))
			}
		})
	}
}

// TestGoldenSamples holds relaxed Bernoulli samples against torch's: the same
// uniform numbers give the same weights and gradients.
func TestGoldenSamples(t *testing.T) {
	f := formattest.Safetensors(t, "../../testdata/golden/mhr/relaxed_bernoulli.safetensors")
	noise := make([]float32, len(f.F32("u")))
	for i, u := range f.F32("u") {
		noise[i] = logit(float64(u))
	}
	for name, d := range devices(t) {
		w, dz := selected(t, d, f.F32("logits"), noise, f.F32("c"), f.Shape("logits"), graph.SelectSigmoid)
		closeTo(t, name+": weight", w, f.F32("weights"))
		closeTo(t, name+": gradient", dz, f.F32("grad_logits"))
	}
}

// TestSelectorsAtTheirEdges: heads with every skill off, or of zeros, give
// finite weights and gradients.
func TestSelectorsAtTheirEdges(t *testing.T) {
	z, c := []float32{-1, -2, -3, 0, 0, 0}, []float32{1, 2, -3, 2, 1, 1}
	for name, d := range devices(t) {
		for _, sel := range []graph.Selector{graph.SelectStraightThrough, graph.SelectL2} {
			w, dz := selected(t, d, z, nil, c, []int{1, 2, 3}, sel)
			for i := range z {
				if off := sel == graph.SelectStraightThrough || i >= 3; off && w[i] != 0 {
					t.Errorf("%s, %s: weight %d is %v, want 0", name, sel, i, w[i])
				}
				if !(dz[i] > -10 && dz[i] < 10) {
					t.Errorf("%s, %s: gradient %d is %v", name, sel, i, dz[i])
				}
			}
			if sel == graph.SelectStraightThrough && dz[0] == 0 {
				t.Errorf("%s: a head with every skill off gets no gradient", name)
			}
		}
	}
}
