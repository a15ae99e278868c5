package tune_test

import (
	"context"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/tune"
)

// split is what is trained in parts, for three steps on batches of two sizes.
type split struct {
	dir    string
	method func(t *testing.T) *tune.Method
	rows   []tune.Row
	optim  tune.Optim
}

// steps are the losses and the gradients' norms, and the cost, under a budget.
func (s split) steps(t *testing.T, d device.Device, budget int64) (numbers []float64, parts int, cost device.Stats, err error) {
	t.Helper()
	ctx := context.Background()
	d.(device.Budgeted).Limit(budget)
	m := s.method(t)
	defer m.Free(d)
	all := ascending(len(s.rows))
	o := s.optim
	o.LR, o.RouterLR, o.Clip, o.Steps = 1e-2, 0.1, 1, 3
	tr, err := tune.NewTrainer(ctx, d, modelIn(t, s.dir), m, s.rows, [][]int{all, all[1:], all}, o)
	if err != nil {
		return nil, 0, cost, err
	}
	defer tr.Close()
	for range 3 {
		x, err := tr.Step(ctx)
		if err != nil {
			return nil, 0, cost, err
		}
		numbers = append(numbers, x.Loss, x.GradNorm)
	}
	return numbers, tr.Parts(), tr.Stats(), nil
}

// A step above the budget of memory is computed in parts, down to single rows:
// the same step, whatever the loss divides by, and where routes are sampled.
func TestAStepInPartsIsTheSame(t *testing.T) {
	z := func(dir string) func(t *testing.T) *tune.Method {
		return func(t *testing.T) *tune.Method {
			inv := inventoryIn(t, dir, "s4")
			return tune.Z(inv, inv.FreshLogits(1))
		}
	}
	plain, per := rowsIn(t, golden)
	t5, _ := rowsIn(t, t5Gated)
	choices := tfewRows(formattest.Safetensors(t, "testdata/tfew.safetensors"))
	choices[1].Others = choices[1].Others[:1]
	for name, s := range map[string]split{
		"z":            {golden, z(golden), plain[:per], tune.Optim{}},
		"z, sampled":   {golden, func(t *testing.T) *tune.Method { return z(golden)(t).Sample(5) }, plain[:per], tune.Optim{}},
		"z, t5":        {t5Gated, z(t5Gated), t5[:per], tune.Optim{}},
		"mhr, ni":      {golden, func(t *testing.T) *tune.Method { return tune.MHR(inventoryIn(t, golden, "s4")) }, plain[:per], tune.Optim{Loss: tune.LossNI}},
		"mu, choices":  {golden, func(t *testing.T) *tune.Method { return tune.Mu(inventoryIn(t, golden, "s4")) }, choices, tune.Optim{Loss: tune.LossTFew}},
		"mu adafactor": {golden, func(t *testing.T) *tune.Method { return tune.Mu(inventoryIn(t, golden, "s4")) }, plain[:per], tune.Optim{Name: tune.Adafactor}},
	} {
		for on, d := range devices(t) {
			t.Run(name+"/"+on, func(t *testing.T) {
				want, parts, cost, err := s.steps(t, d, 0)
				if err != nil || parts != 1 {
					t.Fatalf("%d parts without a budget, %v", parts, err)
				}
				for budget := cost.Arena * 4 / 5; parts < len(s.rows); budget = budget * 4 / 5 {
					before := cost
					var got []float64
					if got, parts, cost, err = s.steps(t, d, budget); err != nil {
						t.Fatalf("under a budget of %d: %v", budget, err)
					}
					if parts > 1 && cost.Dispatches < before.Dispatches {
						t.Errorf("%d parts: %d kernels, fewer parts take %d", parts, cost.Dispatches, before.Dispatches)
					}
					for i := range want {
						if !near(got[i], want[i], 1e-6, 1e-4) {
							t.Errorf("%d parts: number %d is %v, want %v", parts, i, got[i], want[i])
						}
					}
				}
				if _, _, _, err := s.steps(t, d, 1000); !fault.Is(err, fault.Memory) {
					t.Errorf("no room for a row: %v", err)
				}
			})
		}
	}
}

// So is what only reads: scores, also of answers behind one prompt, gradients,
// and the loss of rows held out.
func TestWhatIsReadInPartsIsTheSame(t *testing.T) {
	ctx := context.Background()
	plain, per := rowsIn(t, golden)
	choices := tfewRows(formattest.Safetensors(t, "testdata/tfew.safetensors"))
	groups := make([][]tune.Row, len(choices))
	for i, r := range choices {
		groups[i] = append([]tune.Row{r}, r.Others...)
	}
	score := func(groups [][]tune.Row) func(d device.Device) ([]float64, error) {
		return func(d device.Device) (numbers []float64, err error) {
			s := tune.NewScorer(d, modelIn(t, golden), nil, 1, true)
			defer s.Close()
			got, err := s.ScoreGroups(ctx, groups)
			for _, x := range got {
				numbers = append(numbers, x.Sum, float64(x.Tokens))
			}
			return numbers, err
		}
	}
	single := make([][]tune.Row, per)
	for i := range single {
		single[i] = plain[i : i+1]
	}
	for name, numbers := range map[string]func(d device.Device) ([]float64, error){
		"scores":        score(single),
		"choices":       score(groups),
		"one of many":   score(groups[:1]),
		"held out":      heldOut(t, plain[:per], tune.LossLM),
		"held out, ni":  heldOut(t, plain[:per], tune.LossNI),
		"held, choices": heldOut(t, choices, tune.LossTFew),
		"gradients": func(d device.Device) ([]float64, error) {
			m := tune.MHR(inventoryIn(t, golden, "s4"))
			defer m.Free(d)
			a, err := tune.Align(ctx, d, modelIn(t, golden), m.Adapter, m.Tasks, [][]tune.Row{plain[:per-1], plain[1:per]}, nil)
			if err != nil {
				return nil, err
			}
			return append(append(a.Loss, a.Norm...), a.Mean), nil
		},
	} {
		for on, d := range devices(t) {
			t.Run(name+"/"+on, func(t *testing.T) {
				least := &device.Planner{Like: device.Info{Kind: d.Info().Kind, Memory: 1}}
				if _, err := numbers(least); !fault.Is(err, fault.Memory) {
					t.Fatalf("in a byte: %v", err)
				}
				want, err := numbers(d)
				if err != nil {
					t.Fatal(err)
				}
				d.(device.Budgeted).Limit(least.Last.Arena * 3 / 2)
				got, err := numbers(d)
				if err != nil || len(got) != len(want) {
					t.Fatalf("%v, %v; want %v", got, err, want)
				}
				for i := range want {
					if !near(got[i], want[i], 1e-6, 1e-5) {
						t.Errorf("number %d is %v, want %v", i, got[i], want[i])
					}
				}
				d.(device.Budgeted).Limit(1000)
				if _, err := numbers(d); !fault.Is(err, fault.Memory) {
					t.Errorf("no room for a row: %v", err)
				}
			})
		}
	}
}

// heldOut is the loss of rows held out under z.
func heldOut(t *testing.T, rows []tune.Row, loss string) func(d device.Device) ([]float64, error) {
	return func(d device.Device) ([]float64, error) {
		inv := inventoryIn(t, golden, "s4")
		m := tune.Z(inv, inv.FreshLogits(1))
		defer m.Free(d)
		h, err := tune.NewHeldOut(context.Background(), d, modelIn(t, golden), m, rows, loss)
		if err != nil {
			return nil, err
		}
		defer h.Close()
		x, err := h.Loss(context.Background())
		return []float64{x}, err
	}
}
