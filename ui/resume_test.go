//go:build !js

package ui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

// begun has the page adapt with a snapshot after each step, held before the
// third.
func begun(t *testing.T) (a *App, p *fakePage, f *fakeEngine, goOn func()) {
	t.Helper()
	a, p, f = newTest(t)
	f.snaps = true
	gate, n := make(chan struct{}), 0
	f.step = func(ctx context.Context) {
		if n++; n == 3 {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
	}
	do(a, func() { a.Typed(examplesID, "x => a\ny => b\nz => a\nw => b"); a.PickMethod("z"); a.Adapt() })
	wait(t, a, "the run to be kept", func() bool { return a.run.kept == 2 || len(a.run.losses) == 2 && a.run.kept > 0 })
	return a, p, f, func() { close(gate) }
}

func TestARunIsKeptWhileItLasts(t *testing.T) {
	a, p, f, goOn := begun(t)
	if _, o := f.calls("adapt"); !strings.Contains(o, `"snapshotEvery":10`) {
		t.Errorf("adapted with %s", o)
	}
	p.mu.Lock()
	if len(p.runs) != 1 {
		t.Errorf("%d runs are kept", len(p.runs))
	}
	for id, r := range p.runs {
		k := r.about
		if id != k.ID || k.Title != "4 examples with Tiny SmolLM2-135M" || k.Method != "z" || k.Steps != defaultSteps || k.Step < 1 || k.Choice.Base != "tiny" || time.Since(time.UnixMilli(k.At)) > time.Minute {
			t.Errorf("kept as %+v", k)
		}
		if strings.Contains(k.Title, "=>") {
			t.Error("the note holds examples")
		}
	}
	p.mu.Unlock()
	if s := a.run.keptText(); !strings.Contains(s, "with its examples") || !strings.Contains(s, "removed when it ends") {
		t.Errorf("the page says %q", s)
	}
	goOn()
	wait(t, a, "the result", func() bool { return a.run.phase == idle && a.run.fit != nil })
	wait(t, a, "nothing to be left", func() bool { return len(p.runs) == 0 && len(a.broken) == 0 })
	if s := a.run.keptText(); s != "" {
		t.Errorf("after the end the page says %q", s)
	}
}

func TestAStoppedRunIsNotKept(t *testing.T) {
	a, p, _, _ := begun(t)
	do(a, a.Stop)
	wait(t, a, "the end", func() bool { return a.run.phase == idle && a.run.fit != nil && a.run.fit.Stopped })
	wait(t, a, "nothing to be left", func() bool { return len(p.runs) == 0 })
}

func TestWhatBecomesOfARunThatFails(t *testing.T) {
	for kind, stays := range map[fault.Kind]bool{fault.Bug: true, fault.DeviceLost: true, fault.Memory: true, fault.Cancelled: true, fault.Input: false, fault.Corrupt: false} {
		a, p, f := newTest(t)
		f.snaps, f.fails = true, fault.New(kind, "adapt", "step 1: no")
		f.step = func(context.Context) { time.Sleep(5 * time.Millisecond) }
		do(a, func() { a.Typed(examplesID, "x => a\ny => b"); a.PickMethod("z"); a.Adapt() })
		wait(t, a, "the end", func() bool { return a.run.phase == idle })
		time.Sleep(20 * time.Millisecond)
		wait(t, a, "the run to stay, or not", func() bool { return (len(p.runs) == 1 && len(a.broken) == 1) == stays })
	}
}

func TestABrokenRunGoesOn(t *testing.T) {
	a, p, f := newTest(t)
	k := keptRun{ID: "01", Title: "SMS spam with Tiny", Method: "z", Step: 2, Steps: 4, At: time.Now().Add(-3 * time.Minute).UnixMilli(), Choice: runChoice{Base: "tiny", Inventory: inventories[0].ID, Device: "cpu"}}
	do(a, func() { p.runs["01"] = fakeRun{about: k, state: "state 2"} })
	a.lookAtRuns()
	if len(a.broken) != 1 || a.broken[0].text() != "MHR-z, step 2 of 4, 3 min 1 s ago" && a.broken[0].text() != "MHR-z, step 2 of 4, 3 min ago" {
		t.Fatalf("offered: %+v", a.broken)
	}
	gate := make(chan struct{})
	f.step = func(context.Context) { <-gate }
	do(a, func() { a.PickBase(pocket.ID); a.GoOn(k); a.GoOn(k) })
	wait(t, a, "the run to go on", func() bool { return len(a.run.losses) == 2 && a.run.plan != nil })
	if n, o := f.calls("open"); n != 1 || !strings.Contains(o, "tiny.gguf") || !strings.Contains(o, `"kind":"cpu"`) {
		t.Errorf("opened %d times, %s", n, o)
	}
	if n, o := f.calls("resume"); n != 1 || !strings.Contains(o, "state 2") {
		t.Errorf("resumed %d times with %s", n, o)
	}
	if e := a.examples; e.text != "x => a" || e.instruction != "say" || p.texts[examplesID] != "x => a" || a.settings.method != "z" {
		t.Errorf("the fields have %q, %q", e.text, e.instruction)
	}
	if !strings.Contains(a.run.chart, "2 of 4 steps") {
		t.Errorf("the curve does not go on: %.200s", a.run.chart)
	}
	close(gate)
	wait(t, a, "the result", func() bool { return a.run.phase == idle && a.run.fit != nil })
	if l := a.run.losses; len(l) != 4 || l[0] != 4 || l[3] != 1 {
		t.Errorf("losses %v", l)
	}
	wait(t, a, "nothing to be left", func() bool { return len(p.runs) == 0 && len(a.broken) == 0 && len(a.run.options) == 2 })
}

func TestABrokenRunStaysUntilItCanGoOn(t *testing.T) {
	a, p, f := newTest(t)
	k := keptRun{ID: "01", Title: "8 examples", Method: "z", Choice: runChoice{Base: ownFiles, Inventory: noInventory, Files: "mine.gguf:5\n"}}
	do(a, func() { p.runs["01"] = fakeRun{about: k, state: "state"} })
	a.lookAtRuns()
	if s := a.whyNotGoOn(k); !strings.Contains(s, "choose them again") {
		t.Errorf("without its files: %q", s)
	}
	do(a, func() { a.GoOn(k) })
	if n, _ := f.calls("resume"); n != 0 || a.run.phase != idle {
		t.Error("it went on without its files")
	}
	do(a, func() { a.TakeFiles([]file{{name: "mine.gguf", size: 5}}) })
	wait(t, a, "the files to be looked at", func() bool { return a.model.sorting == 0 })
	if s := a.whyNotGoOn(k); s != "" {
		t.Errorf("with its files: %q", s)
	}
	f.fails = fault.Inputf("run", "it began with another base")
	do(a, func() { a.GoOn(k) })
	wait(t, a, "the fault", func() bool { return a.fault != nil && a.run.phase == idle })
	wait(t, a, "the run to be offered again", func() bool { return len(a.broken) == 1 && len(p.runs) == 1 })
	gone := k
	gone.Choice.Base = "no longer here"
	if s := a.whyNotGoOn(gone); !strings.Contains(s, "not offered here") {
		t.Errorf("of a model that is gone: %q", s)
	}
	do(a, func() { delete(p.runs, "01"); f.fails = nil; a.GoOn(k) })
	wait(t, a, "a second fault", func() bool { return a.fault != nil && strings.Contains(a.fault.Msg, "in use in another tab") })
}

func TestABrokenRunIsDiscarded(t *testing.T) {
	a, p, _ := newTest(t)
	do(a, func() { p.runs["01"] = fakeRun{about: keptRun{ID: "01"}} })
	a.lookAtRuns()
	do(a, func() { a.Discard(a.broken[0]) })
	wait(t, a, "it to be gone", func() bool {
		return len(a.broken) == 0 && len(p.runs) == 0 && strings.Contains(a.said, "its examples with it")
	})
}

// A device that is lost takes steps with it, which are told again.
func TestFault05TheCurveGoesOnWhereTheDeviceWasLost(t *testing.T) {
	a, _, _ := newTest(t)
	do(a, func() {
		a.run.steps, a.run.phase = 4, scoring
		a.run.losses, a.run.times, a.run.scores = []float64{4, 3, 2, 1}, []float64{1, 1, 1, 1}, []scoreRow{{Name: "base"}}
		a.run.said = 10
		for _, e := range []struct {
			kind, data string
			left       int
		}{{"lost", `{"step": 2, "why": "the device is gone", "device": {"kind": "cpu", "name": "Go"}}`, 2}, {"step", `[{"step": 3, "loss": 2.5}]`, 3}, {"lost", `{"step": -9}`, 0}, {"lost", `{"step": 9}`, 0}} {
			if err := a.take(e.kind, []byte(e.data)); err != nil || len(a.run.losses) != e.left || len(a.run.scores) != 0 {
				t.Errorf("%s %s: %v, %d losses, %d scores", e.kind, e.data, err, len(a.run.losses), len(a.run.scores))
			}
		}
		if a.run.phase != training || a.take("lost", []byte(`{"step": "x"}`)) == nil {
			t.Errorf("phase %v", a.run.phase)
		}
	})
}

func TestARunThatCannotBeKeptIsSaid(t *testing.T) {
	a, p, f := newTest(t)
	p.noRun, f.snaps = errors.New("the browser has no room left for the page"), true
	gate, n := make(chan struct{}), 0
	f.step = func(ctx context.Context) {
		if n++; n == 3 {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
	}
	do(a, func() { a.Typed(examplesID, "x => a\ny => b"); a.PickMethod("z"); a.Adapt() })
	wait(t, a, "the reason", func() bool { return strings.Contains(a.run.keptText(), "would lose this run: the browser has no room") })
	close(gate)
	wait(t, a, "the result all the same", func() bool { return a.run.phase == idle && a.run.fit != nil })
}
