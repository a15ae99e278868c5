package ui

import (
	"context"
	"encoding/json"
	"strconv"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// mostSimilar is how many training tasks are listed.
const mostSimilar = 5

// similar asks which training tasks are most like a result.
func similar(client *rpc.Client, f *fit, by string) (got []similarTask, err error) {
	raw, _, err := client.Call(context.Background(), "similar", similarOptions{ID: f.ID, Top: mostSimilar, By: by}, nil, nil)
	if err == nil && json.Unmarshal(raw, &got) != nil {
		err = fault.New(fault.Bug, "similar", "got an answer that is not understood")
	}
	return got, err
}

// lookSimilar asks which training tasks route like the result. Nothing is shown
// where that fails: it is a remark, and the result stands without it.
func (a *App) lookSimilar() {
	r := &a.run
	if r.fit == nil || r.fit.Routing == nil || a.client == nil {
		return
	}
	f, client := r.fit, a.client
	go func() {
		got, err := similar(client, f, "routing")
		if err != nil {
			return
		}
		a.page.Update(func() {
			if a.run.fit == f {
				a.run.similar = got
			}
		})
	}()
}

// canAlign tells whether the result's gradients can be compared: its examples
// and those of the training tasks are known.
func (a *App) canAlign() bool {
	r, i := &a.run, a.model.info
	return r.fit != nil && !r.told && r.aligned == nil && i != nil && i.Inventory != nil && i.Inventory.Gradients
}

// alignLabel is what the button that compares says.
func (r *runState) alignLabel() string {
	if r.aligning {
		return "Comparing gradients…"
	}
	return "Compare gradients"
}

// Align asks which training tasks' gradients point like those of the examples.
func (a *App) Align() {
	if a.busy() || a.run.aligning || !a.canAlign() {
		return
	}
	f, client := a.run.fit, a.client
	a.run.aligning, a.fault = true, nil
	a.say("Comparing gradients")
	go func() {
		got, err := similar(client, f, "gradients")
		a.page.Update(func() {
			if a.run.fit != f {
				return
			}
			a.run.aligning = false
			if err != nil {
				a.show("similar", err)
				return
			}
			a.run.aligned = got
			if len(got) > 0 {
				a.say("Its gradients point most like those of " + clip(got[0].Task, 60))
			}
			a.page.Focus("aligned-title") // the button that had it is gone
		})
	}()
}

// bars are tasks' cosines in percent, none below 0.
func bars(tasks []similarTask) (out []bar) {
	for _, s := range tasks {
		out = append(out, bar{label: s.Task, text: strconv.FormatFloat(s.Cosine, 'f', 2, 64), percent: int(100 * min(max(s.Cosine, 0), 1))})
	}
	return out
}
