package ui

import (
	"context"
	"encoding/json"
	"strconv"
)

// mostSimilar is how many training tasks are listed.
const mostSimilar = 5

// lookSimilar asks which training tasks route like the result. Nothing is shown
// where that fails: it is a remark, and the result stands without it.
func (a *App) lookSimilar() {
	r := &a.run
	if r.fit == nil || r.fit.Routing == nil || a.client == nil {
		return
	}
	f, client := r.fit, a.client
	go func() {
		raw, _, err := client.Call(context.Background(), "similar", similarOptions{ID: f.ID, Top: mostSimilar}, nil, nil)
		var got []similarTask
		if err != nil || json.Unmarshal(raw, &got) != nil {
			return
		}
		a.page.Update(func() {
			if a.run.fit == f {
				a.run.similar = got
			}
		})
	}()
}

// alike are training tasks as bars: the cosine in percent, none below 0.
func (r *runState) alike() (out []bar) {
	for _, s := range r.similar {
		out = append(out, bar{label: s.Task, text: strconv.FormatFloat(s.Cosine, 'f', 2, 64), percent: int(100 * min(max(s.Cosine, 0), 1))})
	}
	return out
}
