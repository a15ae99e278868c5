//go:build !js

package ui

import (
	"context"
	"strings"
	"testing"
)

func find(list []baseline, id string) (baseline, bool) {
	for _, b := range list {
		if b.ID == id {
			return b, true
		}
	}
	return baseline{}, false
}

func TestAgainst(t *testing.T) {
	a, p, f := newTest(t)
	do(a, func() {
		if got := a.baselines(); len(got) != 0 {
			t.Errorf("before a result: %v", got)
		}
	})
	adapted(t, a, "z")
	do(a, func() {
		got := a.baselines()
		if _, own := find(got, "z"); own || len(got) != 3 {
			t.Errorf("of z: got %v, want the three others", got)
		}
		icl, _ := find(got, "icl")
		a.Against(icl)
		a.Against(icl) // a double click
		if a.run.phase == idle || len(a.baselines()) == 0 {
			t.Error("it does not run")
		}
	})
	wait(t, a, "the comparison", func() bool { return a.run.phase == idle })
	do(a, func() {
		lines := a.run.scoreTable()
		last := lines[len(lines)-1]
		if last.name != "Examples in the prompt (4)" || last.interval != "10–90%" || last.balanced != "50%" || p.focus != "score-title" {
			t.Errorf("got the row %+v, focus on %q", last, p.focus)
		}
		if _, again := find(a.baselines(), "icl"); again {
			t.Error("what is compared already is offered again")
		}
		if !strings.Contains(a.said, "Examples in the prompt: Balanced accuracy 50%") {
			t.Errorf("said %q", a.said)
		}
	})
	if n, o := f.calls("against"); n != 1 || o != `{"id":5,"with":"icl","steps":3}` {
		t.Errorf("asked %d times, last %s", n, o)
	}
}

// A comparison that is stopped leaves the result as it was.
func TestStopAComparison(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "z")
	began := make(chan bool, 1)
	f.step = func(ctx context.Context) {
		began <- true
		<-ctx.Done()
	}
	do(a, func() {
		lora, _ := find(a.baselines(), "lora")
		a.Against(lora)
	})
	<-began
	html := render(t, a)
	if n := strings.Count(html, `role="progressbar"`); n != 1 {
		t.Errorf("%d progress bars, want one", n)
	}
	wait(t, a, "the step", func() bool { _, words := a.progress(); return words == "LoRA: step 1 of 4" })
	do(a, func() { a.Stop() })
	wait(t, a, "the stop", func() bool { return a.run.phase == idle })
	do(a, func() {
		if a.fault != nil || a.run.fit == nil || len(a.run.scores) != 2 || len(a.run.losses) != 3 {
			t.Errorf("got the fault %v, the fit %v, %d scores, %d losses", a.fault, a.run.fit, len(a.run.scores), len(a.run.losses))
		}
	})
}

func TestAlignedTasks(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "mu")
	do(a, func() {
		if a.canAlign() {
			t.Error("an inventory that knows no gradients offers to compare them")
		}
		a.model.info.Inventory.Gradients = true
	})
	if html := render(t, a); !strings.Contains(html, "Compare gradients") {
		t.Error("it is not offered")
	}
	do(a, func() { a.Align() })
	wait(t, a, "the tasks", func() bool { return len(a.run.aligned) == 2 && !a.run.aligning })
	if _, params := f.calls("similar"); !strings.Contains(params, `"by":"gradients"`) {
		t.Errorf("asked %s", params)
	}
	if html := render(t, a); !strings.Contains(html, "Its gradients point like") || strings.Contains(html, "Compare gradients") {
		t.Error("they are not shown, or offered again")
	}
	do(a, func() { a.run.aligned, a.run.told = nil, true })
	do(a, func() {
		if a.canAlign() {
			t.Error("a fine-tune without its examples offers to compare gradients")
		}
	})
}

func TestSimilarTasks(t *testing.T) {
	a, _, _ := newTest(t)
	adapted(t, a, "z")
	wait(t, a, "the tasks", func() bool { return len(a.run.similar) == 2 })
	do(a, func() {
		if got := bars(a.run.similar); got[0].label != "headlines" || got[0].text != "0.31" || got[0].percent != 31 || got[1].percent != 0 || got[1].text != "-0.20" {
			t.Errorf("got %+v", got)
		}
	})
	if html := render(t, a); !strings.Contains(html, "Your task routes like") {
		t.Error("they are not shown")
	}
}
