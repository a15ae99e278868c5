package tune_test

import (
	"context"
	"errors"
	"testing"

	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/skill"
	"handful/core/tune"
)

// manyTasks is the golden inventory with router rows of tasks tasks.
func manyTasks(t *testing.T, tasks int) *skill.Inventory {
	inv := goldenSkills(t)
	r, qs := skill.Rand(9), inv.Splits*inv.Skills
	inv.Manifest, inv.TaskRows = &skill.Manifest{Tasks: make([]string, tasks)}, map[string][]float32{}
	for _, s := range inv.Sites {
		for range tasks * qs {
			inv.TaskRows[s] = append(inv.TaskRows[s], float32(3*r.NormFloat64()))
		}
	}
	return inv
}

// The best start is the row that scoring each row by itself finds.
func TestBestStarts(t *testing.T) {
	rows, _ := goldenRows(t)
	rows = rows[:7]
	inv := manyTasks(t, 13)
	for name, d := range devices(t) {
		losses := make([]float64, 13)
		for task := range losses {
			z, err := inv.MeanTask(task)
			if err != nil {
				t.Fatal(err)
			}
			losses[task] = score(t, d, inv.WithLogits(z), nil, rows)
		}
		calls, last := 0, 0
		best, err := tune.BestStarts(context.Background(), d, goldenModel(t), inv, rows, 5, func(done, of int) { calls, last = calls+1, of-done })
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range best {
			better := 0
			for _, l := range losses {
				if l < losses[b.Row] {
					better++
				}
			}
			if !near(b.Loss, losses[b.Row], 1e-5, 1e-5) || better != i {
				t.Errorf("%s: place %d is %+v, whose loss is %v, and %d are better", name, i, b, losses[b.Row], better)
			}
		}
		if calls != 2*13 || last != 0 {
			t.Errorf("%s: %d forwards, %d left; want 26 and none", name, calls, last)
		}
	}
}

// Of many rows only the best of a first try meet every example; cancelling
// ends between two rows.
func TestBestStartsCost(t *testing.T) {
	d := cpu.New(cpu.Fast)
	defer d.Close()
	rows, _ := goldenRows(t)
	inv, of := manyTasks(t, 40), 0
	ctx, cancel := context.WithCancel(context.Background())
	best, err := tune.BestStarts(ctx, d, goldenModel(t), inv, rows[:9], 1, func(_, n int) { of = n })
	if err != nil || len(best) != 1 || of != 40+16 {
		t.Errorf("%v, %d forwards (%v); want 40 and 16", best, of, err)
	}
	tried := 0
	_, err = tune.BestStarts(ctx, d, goldenModel(t), inv, rows[:9], 1, func(done, _ int) {
		if tried = done; done == 3 {
			cancel()
		}
	})
	if !fault.Is(err, fault.Cancelled) || tried != 3 {
		t.Errorf("%v after %d rows, want Cancelled after 3", err, tried)
	}
	var f *fault.Error
	if _, err := tune.BestStarts(context.Background(), d, goldenModel(t), inv, rows[:2], 41, func(_, _ int) {}); !errors.As(err, &f) || f.Kind != fault.Input {
		t.Errorf("best:41 of 40 rows: %v", err)
	}
}
