package tune_test

import (
	"context"
	"slices"
	"testing"

	"handful/core/device/cpu"
	"handful/core/format/formattest"
	"handful/core/tune"
)

// The held-out loss of rows is the loss of a step on them, before its update,
// and asking for it changes nothing of the step; over several batches it is
// their mean.
func TestHeldOutLossIsAStepsLoss(t *testing.T) {
	ctx := context.Background()
	plain, per := goldenRows(t)
	choices := tfewRows(formattest.Safetensors(t, "testdata/tfew.safetensors"))
	for name, x := range map[string]struct {
		loss string
		rows []tune.Row
		m    func() *tune.Method
	}{
		"z":           {tune.LossLM, plain[:per], func() *tune.Method { inv := goldenInventory(t, "s4"); return tune.Z(inv, inv.FreshLogits(1)) }},
		"mhr, ni":     {tune.LossNI, plain[:per], func() *tune.Method { return tune.MHR(goldenInventory(t, "s4")) }},
		"mu, choices": {tune.LossTFew, choices, func() *tune.Method { return tune.Mu(goldenInventory(t, "s4")) }},
	} {
		d := cpu.New(cpu.Fast)
		defer d.Close()
		base := goldenModel(t)
		o := tune.Optim{LR: 1e-2, RouterLR: 0.1, Clip: 1, Steps: 2, Loss: x.loss}
		all := [][]int{ascending(len(x.rows)), ascending(len(x.rows))}
		var want []float64
		for _, asks := range []bool{false, true} {
			m := x.m()
			tr, err := tune.NewTrainer(ctx, d, base, m, x.rows, all, o)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer tr.Close()
			for k := range all {
				for _, times := range []int{1, 40} { // one batch, and several
					if !asks {
						break
					}
					h, err := tune.NewHeldOut(ctx, d, base, m, slices.Repeat(x.rows, times), x.loss)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					got, err := h.Loss(ctx)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if x.loss == tune.LossTFew && times > 1 {
						continue // the padding's constant hangs on the batch
					}
					if !near(got, want[k], 1e-6, 1e-5) {
						t.Errorf("%s, step %d, %d times the rows: held out %v, the step has %v", name, k+1, times, got, want[k])
					}
					if err := h.Close(); err != nil {
						t.Error(err)
					}
				}
				s, err := tr.Step(ctx)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !asks {
					want = append(want, s.Loss)
				} else if s.Loss != want[k] {
					t.Errorf("%s: step %d has loss %v after the held-out rows were asked, want %v", name, k+1, s.Loss, want[k])
				}
			}
			m.Free(d)
		}
	}
}

// Where routes are sampled the held-out loss is that of the plain sigmoid.
func TestHeldOutRowsAreNotSampled(t *testing.T) {
	ctx := context.Background()
	rows, per := goldenRows(t)
	d := cpu.New(cpu.Fast)
	defer d.Close()
	var got []float64
	for _, sampled := range []bool{false, true} {
		m := tune.MHR(goldenInventory(t, "s4"))
		if sampled {
			m.Sample(3)
		}
		h, err := tune.NewHeldOut(ctx, d, goldenModel(t), m, rows[:per], tune.LossLM)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		loss, err := h.Loss(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, loss)
	}
	if got[0] != got[1] {
		t.Errorf("sampled %v, plain %v", got[1], got[0])
	}
}
