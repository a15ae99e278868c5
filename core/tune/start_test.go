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

// Of a few rows the best start is the one that scoring each by itself finds.
func TestBestStarts(t *testing.T) {
	rows, _ := goldenRows(t)
	rows = rows[:7]
	inv := manyTasks(t, 10)
	for name, d := range devices(t) {
		losses := make([]float64, 10)
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
		if calls != 10 || last != 0 {
			t.Errorf("%s: %d forwards, %d left; want 10 and none", name, calls, last)
		}
	}
}

// A slope is the derivative of the loss on the way from even logits along a
// row's mixture; the start is the best of those with the least.
func TestSlopes(t *testing.T) {
	rows, _ := goldenRows(t)
	rows = rows[:7]
	inv := manyTasks(t, 30)
	for name, d := range devices(t) {
		slope, err := tune.Slopes(d, goldenModel(t), inv, rows)
		if err != nil {
			t.Fatal(err)
		}
		losses := make([]float64, len(slope))
		for task := range losses {
			z, err := inv.MeanTask(task)
			if err != nil {
				t.Fatal(err)
			}
			losses[task] = score(t, d, inv.WithLogits(z), nil, rows)
			if task >= 4 {
				continue
			}
			const h = 0.05
			along := func(sign float32) map[string][]float32 {
				out := map[string][]float32{}
				for site, x := range z {
					for _, w := range inv.Weights(x) {
						out[site] = append(out[site], sign*h*w)
					}
				}
				return out
			}
			want := (score(t, d, inv.WithLogits(along(1)), nil, rows) - score(t, d, inv.WithLogits(along(-1)), nil, rows)) / (2 * h)
			if !near(slope[task], want, 2e-4, 1e-2) {
				t.Errorf("%s: slope %d is %g, want %g", name, task, slope[task], want)
			}
		}
		best, err := tune.BestStarts(context.Background(), d, goldenModel(t), inv, rows, 1, func(_, _ int) {})
		if err != nil {
			t.Fatal(err)
		}
		at := func(x float64) (n int) {
			for _, y := range slope {
				if y < x {
					n++
				}
			}
			return n
		}
		for task, l := range losses {
			if at(slope[task]) < 8 && l < best[0].Loss-1e-5 || task == best[0].Row && at(slope[task]) >= 8 {
				t.Errorf("%s: the start is %+v; row %d has loss %g and %d rows are steeper", name, best[0], task, l, at(slope[task]))
			}
		}
	}
}

// Of many rows only a few are tried; cancelling ends between two of them.
func TestBestStartsCost(t *testing.T) {
	d := cpu.New(cpu.Fast)
	defer d.Close()
	rows, _ := goldenRows(t)
	inv, of := manyTasks(t, 40), 0
	ctx, cancel := context.WithCancel(context.Background())
	best, err := tune.BestStarts(ctx, d, goldenModel(t), inv, rows[:9], 1, func(_, n int) { of = n })
	if err != nil || len(best) != 1 || of != 8 {
		t.Errorf("%v, %d forwards (%v); want 8", best, of, err)
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
