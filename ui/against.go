package ui

import (
	"context"
	"encoding/json"
	"fmt"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// baseline is another way to use the examples, to compare with.
type baseline struct {
	ID, Name string
	Skills   bool // starts from an inventory
}

var baselines = []baseline{
	{"icl", "Examples in the prompt", false},
	{"lora", "LoRA", false},
	{"mu", "MHR-µ", true},
	{"z", "MHR-z", true},
}

// againstState is a comparison that runs.
type againstState struct {
	with         string // "": none runs
	steps, total int    // of what is trained for it
}

// baselines are those that can still be added to the score table.
func (a *App) baselines() (out []baseline) {
	r := &a.run
	if r.fit == nil || r.told || r.other != nil || r.judged != "" || r.score("adapted") == nil {
		return nil
	}
	skills := a.model.info != nil && a.model.info.Inventory != nil
	for _, b := range baselines {
		if b.ID != r.method && r.score(b.ID) == nil && (skills || !b.Skills) {
			out = append(out, b)
		}
	}
	return out
}

// Against judges a baseline on the same rows, and adds it to the score table.
func (a *App) Against(b baseline) {
	r := &a.run
	if a.busy() || r.fit == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	r.phase, r.stop, r.against = scoring, stop, againstState{with: b.ID}
	a.fault = nil
	client, o := a.client, againstOptions{ID: r.fit.ID, With: b.ID, Steps: r.asked.Steps, Batch: r.asked.Batch}
	a.say("Comparing with " + b.Name)
	go func() {
		raw, _, err := client.Call(ctx, "against", o, nil, a.onAgainst)
		var s scoreRow
		if err == nil && json.Unmarshal(raw, &s) != nil {
			err = fault.New(fault.Bug, "compare", "got an answer that is not understood")
		}
		a.page.Update(func() {
			stop()
			r := &a.run
			r.phase, r.stop, r.against = idle, nil, againstState{}
			if err != nil {
				a.show("compare", err)
				return
			}
			r.scores = append(r.scores, s)
			a.say(fmt.Sprintf("%s: %s %s", b.Name, r.measure(), percentText(s.Balanced)))
			a.page.Focus("score-title") // the button that had it is gone
		})
	}()
}

// onAgainst tells how far the training of a baseline is.
func (a *App) onAgainst(e rpc.Event) {
	a.page.Update(func() {
		g := &a.run.against
		switch e.Kind {
		case "progress":
			_ = json.Unmarshal(e.Data, &a.model.progress) // the next one may be right
		case "plan":
			var p planEvent
			if json.Unmarshal(e.Data, &p) == nil {
				g.total = p.Steps
			}
		case "step":
			var steps []stepEvent
			if json.Unmarshal(e.Data, &steps) == nil {
				g.steps += len(steps)
			}
		}
	})
}

// progress is how far the comparison is, -1 where nobody knows.
func (g *againstState) progress() (percent int, words string) {
	name := g.with
	for _, b := range baselines {
		if b.ID == g.with {
			name = b.Name
		}
	}
	if g.total > 0 && g.steps < g.total {
		return 100 * g.steps / g.total, fmt.Sprintf("%s: step %d of %d", name, g.steps, g.total)
	}
	return -1, name + ": scoring"
}
