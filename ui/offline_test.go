//go:build !js

package ui

import (
	"context"
	"strings"
	"testing"
)

func TestThePageSaysWhetherItWorksOffline(t *testing.T) {
	var o offlineState
	if s := o.promise() + o.why(); s != "Runs in this tab. Nothing leaves it." {
		t.Errorf("at first: %q", s)
	}
	o.Why = "this browser has no service workers"
	if s := o.why(); !strings.Contains(s, o.Why) {
		t.Errorf("without a service worker: %q", s)
	}
	o.Ready = true
	if s := o.promise() + o.why(); s != "Runs in this tab, offline too. Nothing leaves it." {
		t.Errorf("ready: %q", s)
	}
}

func TestAnUpdateWaitsForTrainingAndForOtherTabs(t *testing.T) {
	a, p, f := newTest(t)
	a.shelf.(*fakeStore).where = "memory" // nothing outlasts the page by itself
	a.findKept()
	release := make(chan struct{})
	f.step = func(context.Context) { <-release }
	do(a, func() { a.Typed(examplesID, "x => a\ny => b\nz => a\nw => b"); a.TakeUpdate() })
	if p.taken != 0 {
		t.Fatal("there is nothing to take yet")
	}
	do(a, func() { a.Adapt(); a.SetOffline(offlineState{Ready: true, Update: true}) })
	if a.said != "A new version of the page is ready" {
		t.Errorf("said %q", a.said)
	}
	do(a, a.TakeUpdate)
	if p.taken != 0 || !strings.Contains(a.updateText(), "once adapting has ended") {
		t.Errorf("taken %d times while adapting; %q", p.taken, a.updateText())
	}
	close(release)
	wait(t, a, "the result", func() bool { return a.run.fit != nil && a.run.phase == idle })
	if !strings.Contains(a.updateText(), "export the adapter first") || !a.Unsaved() {
		t.Errorf("with a result that is not saved: %q", a.updateText())
	}
	do(a, a.TakeUpdate)
	if p.taken != 1 || a.Unsaved() {
		t.Errorf("taken %d times; the page would still ask: %v", p.taken, a.Unsaved())
	}
	do(a, func() { a.SetOffline(offlineState{Ready: true, Update: true, Others: 2}) })
	if !strings.Contains(a.updateText(), "the 2 other tabs") || a.offline.taken || !a.Unsaved() {
		t.Errorf("with other tabs: %q, taken %v", a.updateText(), a.offline.taken)
	}
	do(a, a.TakeUpdate)
	if p.taken != 2 {
		t.Errorf("taken %d times, want a second try", p.taken)
	}
}
