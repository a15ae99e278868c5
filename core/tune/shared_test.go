package tune_test

import (
	"context"
	"testing"

	"handful/core/tune"
)

// TestSharedPromptsScoreTheSame scores answers behind a prompt that is computed
// once, and each row by itself.
func TestSharedPromptsScoreTheSame(t *testing.T) {
	row := func(prompt []int32, answer ...int32) tune.Row {
		r := tune.Row{IDs: append(append([]int32(nil), prompt...), answer...)}
		for range prompt {
			r.Labels = append(r.Labels, -100)
		}
		r.Labels = append(r.Labels, answer...)
		return r
	}
	p, q := []int32{5, 9, 17, 33, 2}, []int32{7}
	groups := [][]tune.Row{
		{row(p, 11, 12), row(p, 11, 12), row(p, 11, 40, 3), row(p, 8)},
		{row(q, 1, 2, 3)},
		{row(q, 4), row([]int32{8, 8}, 4, 6)}, // nothing in common
		{row(nil, 3, 4), row(nil, 3, 5)},
	}
	var rows []tune.Row
	for _, g := range groups {
		rows = append(rows, g...)
	}
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			sc := tune.NewScorer(d, goldenModel(t), nil, 1, true)
			defer sc.Close()
			want, err := sc.Score(context.Background(), rows)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sc.ScoreGroups(context.Background(), groups)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got[i].Tokens != want[i].Tokens || got[i].Greedy != want[i].Greedy || !near(got[i].Sum, want[i].Sum, 1e-4, 1e-4) {
					t.Errorf("row %d: %+v, want %+v", i, got[i], want[i])
				}
			}
		})
	}
}
