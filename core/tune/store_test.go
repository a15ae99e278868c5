package tune_test

import (
	"context"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tune"
)

// threeSteps trains on a golden model's first batch, and gives the losses and
// the gradients' norms.
func threeSteps(t *testing.T, d device.Device, dir, method string) (numbers []float64, cost device.Stats, store graph.Store, err error) {
	rows, per := rowsIn(t, dir)
	inv := inventoryIn(t, dir, "s4")
	m := map[string]*tune.Method{"z": tune.Z(inv, inv.FreshLogits(1)), "mu": tune.Mu(inv)}[method]
	defer m.Free(d)
	all := ascending(per)
	tr, err := tune.NewTrainer(context.Background(), d, modelIn(t, dir), m, rows, [][]int{all, all, all}, tune.Optim{Name: tune.AdamW, LR: 1e-2, RouterLR: 0.1, Steps: 3})
	if err != nil {
		return nil, cost, 0, err
	}
	defer tr.Close()
	for range 3 {
		s, err := tr.Step(context.Background())
		if err != nil {
			return nil, cost, 0, err
		}
		numbers = append(numbers, s.Loss, s.GradNorm)
	}
	return numbers, tr.Stats(), tr.Store(), nil
}

// TestWhatIsComputedTwiceIsTheSame trains with more and more of the way forward
// computed a second time: the same bits, by more kernels.
func TestWhatIsComputedTwiceIsTheSame(t *testing.T) {
	for name, d := range devices(t) {
		for family, dir := range map[string]string{"llama": golden, "t5 v1.0": t5Relu, "t5 v1.1": t5Gated} {
			for _, method := range []string{"z", "mu"} {
				t.Run(strings.Join([]string{name, family, method}, "/"), func(t *testing.T) {
					var want []float64
					kernels := 0
					for _, s := range []graph.Store{graph.StoreAll, graph.StoreProducts, graph.StoreBlocks} {
						tune.Storing(s, func() {
							got, cost, _, err := threeSteps(t, d, dir, method)
							if err != nil {
								t.Fatal(err)
							}
							if want == nil {
								want = got
							}
							for i := range want {
								if got[i] != want[i] {
									t.Errorf("keeping %v: number %d is %v, want %v", s, i, got[i], want[i])
								}
							}
							if cost.Dispatches <= kernels {
								t.Errorf("keeping %v: %d kernels, keeping more %d", s, cost.Dispatches, kernels)
							}
							kernels = cost.Dispatches
						})
					}
				})
			}
		}
	}
}

// TestAStepAboveTheBudgetIsComputedTwice gives a step too little memory to keep
// its products, and then too little for a row.
func TestAStepAboveTheBudgetIsComputedTwice(t *testing.T) {
	d := cpu.New(cpu.Fast)
	defer d.Close()
	limit := d.(device.Budgeted).Limit
	want, most, store, err := threeSteps(t, d, golden, "z")
	if err != nil || store != graph.StoreProducts {
		t.Fatalf("keeps %v without a budget, %v", store, err)
	}
	limit(most.Arena - 1)
	got, less, store, err := threeSteps(t, d, golden, "z")
	if err != nil || store != graph.StoreBlocks || less.Arena >= most.Arena {
		t.Fatalf("keeps %v in %d bytes under a budget of %d, %v", store, less.Arena, most.Arena-1, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("number %d is %v, want %v", i, got[i], want[i])
		}
	}
	limit(1000)
	if _, _, _, err = threeSteps(t, d, golden, "z"); !fault.Is(err, fault.Memory) {
		t.Errorf("%v, want a Memory fault", err)
	}
}
