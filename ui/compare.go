package ui

import (
	"context"
	"encoding/json"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// whyNoCompare says why Compare can't run, "" when it can.
func (a *App) whyNoCompare() string {
	l := &a.library
	switch {
	case a.busy():
		return "Wait for what is running."
	case len(l.picked) == 0:
		return "Tick one or two to compare them with their base."
	case a.rowsToJudge() == "":
		return "Add test rows, or examples, in step 2 to compare on."
	}
	if first := l.find(l.picked[0]); len(l.picked) == 2 && first != nil {
		if second := l.find(l.picked[1]); second != nil && second.Card.Base.SHA256 != first.Card.Base.SHA256 {
			return "These two have different bases."
		}
	}
	return ""
}

// rowsToJudge are the test rows or, where there are none, the examples.
func (a *App) rowsToJudge() string {
	if lines(a.examples.held) > 0 {
		return a.examples.held
	}
	if lines(a.examples.text) > 0 {
		return a.examples.text
	}
	return ""
}

// Compare judges the ticked fine-tunes and their base on the test rows. They
// then stand side by side in the score table and where they can be tried.
func (a *App) Compare() {
	if a.whyNoCompare() != "" {
		return
	}
	var list []given
	for _, id := range a.library.picked {
		if k := a.library.find(id); k != nil {
			list = append(list, given{kept: k.ID, name: k.Name, card: k.Card})
		}
	}
	rows, judged := a.rowsToJudge(), "test row"
	if rows == a.examples.text {
		judged = "example"
	}
	a.restore(list, func(ctx context.Context, client *rpc.Client, got []restored) (runState, error) {
		r := shownAs(list[0], got[0])
		r.scores, r.judged = nil, judged
		adapters := []evaluateOptions{{Adapter: "base", Instruction: got[0].Card.Instruction}, {Adapter: got[0].ID}}
		if len(got) == 2 {
			r.other, r.otherName = &got[1].fit, list[1].name
			adapters = append(adapters, evaluateOptions{Adapter: got[1].ID})
		}
		for i, o := range adapters {
			name := []string{"base", "adapted", "other"}[i]
			a.page.Update(func() { a.run.judging = "Scoring on " + plural(lines(rows), judged) + ": " + r.called(name) })
			o.Examples, o.Truncate = rows, true
			raw, _, err := client.Call(ctx, "evaluate", o, nil, a.onEvent)
			if err != nil {
				return r, err
			}
			var s scoreRow
			if json.Unmarshal(raw, &s) != nil {
				return r, fault.New(fault.Bug, "evaluate", "got an answer that is not understood")
			}
			s.Name = name
			r.scores = append(r.scores, s)
		}
		return r, nil
	}, func() {})
}
