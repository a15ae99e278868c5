//go:build !js

package ui

import (
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

// tinyKept are files of the model that tests' server offers, and of its skills.
func tinyKept() []keptFile {
	return []keptFile{
		{SHA256: "00", Name: "tiny.gguf", Of: "Tiny SmolLM2-135M", Bytes: 5_000_000, Size: 5_000_000, Whole: true},
		{SHA256: "bb", Name: "adapter_config.json", Of: "Skills of 138 tasks, for SmolLM2-135M", Bytes: 481, Size: 481, Whole: true},
		{SHA256: "cc", Name: "adapter_model.safetensors", Of: "Skills of 138 tasks, for SmolLM2-135M", Bytes: 22_668_339, Size: 1_000_000},
	}
}

func looked(t *testing.T, a *App) {
	t.Helper()
	wait(t, a, "what is kept", func() bool { return a.store.looked })
}

func TestWhatIsKeptIsToldBeforeLoading(t *testing.T) {
	a, p, _ := newTest(t)
	looked(t, a)
	if got := a.loadLabel(); got != "Load, 28 MB" {
		t.Errorf("nothing kept: %q", got)
	}
	if s := a.about(); !strings.Contains(s, "and is kept in this browser for the next visit") {
		t.Errorf("before the first visit: %q", s)
	}
	do(a, func() { p.store.Files = tinyKept() })
	a.lookAtStore(false)
	if got := a.loadLabel(); got != "Load, 22 MB" {
		t.Errorf("a part kept: %q", got)
	}
	if s := a.label(*a.model.servedBase()); strings.Contains(s, "kept here") {
		t.Errorf("half is not kept: %q", s)
	}
	if s := a.about(); !strings.Contains(s, "Kept in this browser") {
		t.Errorf("the base is kept: %q", s)
	}
	do(a, func() { f := &p.store.Files[2]; f.Size, f.Whole = f.Bytes, true })
	a.lookAtStore(false)
	if got, s := a.loadLabel(), a.label(*a.model.servedBase()); got != "Load" || s != "Tiny SmolLM2-135M, kept here" {
		t.Errorf("all kept: %q, %q", got, s)
	}
}

func TestAnotherVersionIsNotWhatIsOffered(t *testing.T) {
	a, p, _ := newTest(t)
	looked(t, a)
	old := tinyKept()
	old[0].SHA256 = "11"
	do(a, func() { p.store.Files = old[:1] })
	a.lookAtStore(false)
	if s := a.label(*a.model.servedBase()) + a.loadLabel() + a.about(); strings.Contains(strings.ToLower(s), "kept here") || !strings.Contains(s, "Load, 28 MB") || strings.Contains(s, "without a network") {
		t.Errorf("got %q", s)
	}
}

func TestModelsAreListedAndRemoved(t *testing.T) {
	a, p, _ := newTest(t)
	looked(t, a)
	if s := a.store.summary(); s != "no models yet" {
		t.Errorf("nothing: %q", s)
	}
	do(a, func() { p.store = storage{Files: tinyKept(), Usage: 6_000_481, Quota: 1e9} })
	a.lookAtStore(false)
	models := a.store.models()
	if len(models) != 2 || models[0].text() != "5.0 MB" || models[1].text() != "1.0 MB of 23 MB, not whole: load it to go on" || !slices.Equal(models[1].sums, []string{"bb", "cc"}) {
		t.Fatalf("got %+v", models)
	}
	if s := a.store.summary() + "; " + a.store.roomText(); !strings.HasPrefix(s, "2, 6.0 MB; 6.0 MB of 1.0 GB in use") || !strings.Contains(s, "may remove it") {
		t.Errorf("got %q", s)
	}
	do(a, func() { a.Forget(models[1]) })
	wait(t, a, "one to go", func() bool { return len(a.store.Files) == 1 && strings.Contains(a.said, "removed") })
	do(a, func() { p.inUse = map[string]bool{"00": true}; a.Forget(models[0]) })
	wait(t, a, "a fault", func() bool { return a.fault != nil })
	if f := a.fault; f.Kind != fault.Input || !strings.Contains(f.Error(), "Tiny SmolLM2-135M: it is in use") || len(a.store.Files) != 1 {
		t.Errorf("got %v with %d files", f, len(a.store.Files))
	}
	do(a, a.Protect)
	wait(t, a, "protection", func() bool { return a.store.Persisted })
	if s := a.store.roomText(); !strings.Contains(s, "removes none") {
		t.Errorf("got %q", s)
	}
}

func TestWhereFilesWereGotten(t *testing.T) {
	net, kept, store, page := gotten{Of: "base", From: "network"}, gotten{Of: "base", From: "network", Kept: true}, gotten{Of: "base", From: "storage", Kept: true}, gotten{Of: "base", From: "page"}
	not := gotten{Of: "base", From: "network", Why: "this browser keeps no files"}
	for want, files := range map[string][]gotten{
		"":                                       {{Of: "inventory", From: "network"}},
		"from the network":                       {net},
		"from the network, kept in this browser": {kept, store},
		"from this browser":                      {store, store},
		"part of this page":                      {page},
		"from the network, not kept: this browser keeps no files": {not},
	} {
		if got := joined((&info{Files: files}).origins("base")); got != want {
			t.Errorf("%+v: got %q, want %q", files, got, want)
		}
	}
}

func TestTheFirstKeptModelAsksForProtection(t *testing.T) {
	a, p, f := newTest(t)
	looked(t, a)
	f.files = []gotten{{Of: "base", From: "network", Kept: true}}
	do(a, a.Load)
	wait(t, a, "protection", func() bool { return a.store.Persisted })
	if _, params := f.calls("open"); !strings.Contains(params, `"keep":true`) || p.asked != 1 || !slices.Contains(a.model.facts(), "from the network, kept in this browser") {
		t.Errorf("asked %d times; %s; %v", p.asked, params, a.model.facts())
	}
	do(a, func() { a.KeepModels(false); a.PickDevice("cpu"); a.Load() })
	wait(t, a, "the second opening", func() bool { n, _ := f.calls("open"); return n == 2 && a.model.open() })
	if _, params := f.calls("open"); !strings.Contains(params, `"keep":false`) || p.asked != 1 {
		t.Errorf("asked %d times; %s", p.asked, params)
	}
	if s := a.about(); s != "" {
		t.Errorf("an open model tells by itself: %q", s)
	}
}

func TestNoRoomShowsWhatCanBeRemoved(t *testing.T) {
	a, _, f := newTest(t)
	looked(t, a)
	f.openIt = func() error {
		return fault.New(fault.Quota, "storage", "tiny.gguf: need 5.0 MB, have 1.0 MB in this browser")
	}
	do(a, a.Load)
	wait(t, a, "the fault", func() bool { return a.fault != nil && a.folds["store"] })
}

func TestABrowserThatKeepsNothingIsSaid(t *testing.T) {
	a, p, _ := newTest(t)
	do(a, func() { p.store.Why = "this browser keeps no files for the page (a private window?)" })
	a.lookAtStore(false)
	if s := a.store.summary() + "; " + a.store.roomText() + a.about(); !strings.Contains(s, "nothing can be kept; Models are fetched anew at every visit: this browser keeps no files") || strings.Contains(s, "next visit") {
		t.Errorf("got %q", s)
	}
}
