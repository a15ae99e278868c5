package engine

import (
	"slices"

	"handful/core/fault"
)

// SimilarTask is a training task, and how much like it a fine-tune routes
// (skill.Inventory.Similar).
type SimilarTask struct {
	Task   string  `json:"task"`
	Cosine float64 `json:"cosine"`
}

// Similar are the k training tasks that route most like f, the nearest first.
func (e *Engine) Similar(f *Fit, k int) ([]SimilarTask, error) {
	defer e.lock()()
	switch {
	case f.Routing == nil:
		return nil, fault.Inputf("similar", "method %s has no routing", f.Method).Next("take method z")
	case e.inv == nil:
		return nil, fault.Inputf("similar", "no inventory is open").Next("open the one that the fine-tune was made with")
	}
	w := map[string][]float32{}
	for i, s := range f.Routing.Sites {
		w[s] = slices.Concat(f.Routing.W[i]...)
	}
	out := []SimilarTask{}
	for row, c := range e.inv.Similar(w) {
		out = append(out, SimilarTask{Task: e.inv.TaskName(row), Cosine: c})
	}
	slices.SortStableFunc(out, func(a, b SimilarTask) int {
		switch {
		case a.Cosine > b.Cosine:
			return -1
		case a.Cosine < b.Cosine:
			return 1
		}
		return 0
	})
	return out[:min(max(k, 0), len(out))], nil
}
