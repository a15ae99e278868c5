package engine

import (
	"context"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/model"
	"handful/core/tune"
)

const goldenT5 = "../../testdata/golden/mhr/t5_gated_untied"

// openT5 opens a golden T5, which has no tokenizer, with its inventory.
func openT5(t *testing.T, kind string) *Engine {
	t.Helper()
	e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, goldenT5), Inventory: formattest.Folder(t, goldenT5+"/s4/adapter_init"), Device: device.Options{Kind: kind}})
	if fault.Is(err, fault.NoGPU) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// Answers that are decoded together, with what was said and what was read kept
// on the device, are those of computing everything again for each token, task by
// task.
func TestT5Greedy(t *testing.T) {
	const most = 6
	ctx := context.Background()
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) {
			e := openT5(t, kind)
			for _, name := range []string{"base", "mean", "routed"} {
				a, err := e.Adapter(name)
				if err != nil {
					t.Fatal(err)
				}
				table := []int32{0}
				if name == "routed" {
					table = []int32{2, 0, 1}
				}
				var ps []model.Prompt
				var want [][]int32
				sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, false)
				for i, source := range prompts {
					slot := int32(i % len(table))
					ps = append(ps, model.Prompt{IDs: source, Slot: slot})
					said := []int32{0}
					for range most {
						l, err := sc.Logits(ctx, tune.Row{Source: source, IDs: append(slices.Clone(said), 0), Task: int(table[slot])})
						if err != nil {
							t.Fatal(err)
						}
						said = append(said, int32(model.ArgMax(l[len(l)-e.info.Vocab:])))
					}
					want = append(want, said[1:])
				}
				sc.Close()
				var bind model.Bind
				if a.route != nil {
					bind = a.route.Bind
				}
				got, err := model.Greedy(ctx, e.dev, e.model, bind, table, nil, ps, most, func(int32) bool { return false }, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, source %d: %v, want %v", name, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// More sources than a batch takes, the longest as long as the context, are
// answered in turn.
func TestT5GreedyBatches(t *testing.T) {
	e := openT5(t, "cpu")
	var ps []model.Prompt
	for i := range 37 {
		ps = append(ps, model.Prompt{IDs: slices.Repeat([]int32{int32(i), 3}, 1+i*9)})
	}
	done := 0
	all, err := model.Greedy(context.Background(), e.dev, e.model, nil, []int32{0}, nil, ps, 3, func(int32) bool { return false }, func(n int) { done = n })
	if err != nil {
		t.Fatal(err)
	}
	if done != len(ps) || len(all) != len(ps) {
		t.Fatalf("%d done, %d answers", done, len(all))
	}
	for _, i := range []int{0, 15, 16, 36} {
		one, err := model.Greedy(context.Background(), e.dev, e.model, nil, []int32{0}, nil, ps[i:i+1], 3, func(int32) bool { return false }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[0], all[i]) {
			t.Errorf("source %d: %v alone, %v with others", i, one[0], all[i])
		}
	}
	if _, err := model.Greedy(context.Background(), e.dev, e.model, nil, []int32{0}, nil, []model.Prompt{{IDs: make([]int32, e.info.Context+1)}}, 3, nil, nil); !fault.Is(err, fault.Input) {
		t.Errorf("a source longer than the context: %v", err)
	}
}

// What a T5 can't do is refused by name.
func TestT5Refusals(t *testing.T) {
	_, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, goldenT5), Device: device.Options{Kind: "cpu"}, TrainBase: true})
	if e := openT5(t, "cpu"); e.Info().Encoder != 2 || e.Info().Layers != 2 {
		t.Errorf("%+v", e.Info())
	}
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "training the weights of a t5") {
		t.Errorf("training the base: %v", err)
	}
}
