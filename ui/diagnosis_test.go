//go:build !js

package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"handful/core/fault"
)

var goodFacts = facts{Build: "b1", Browser: "Test/1", Cores: 8, Secure: true, Isolated: true, SIMD: true, Relaxed: true, Locks: true,
	GPU: gpuFacts{API: true, Adapter: "acme rdna", Limits: map[string]int64{"maxStorageBufferBindingSize": 1 << 30, "maxBufferSize": 1 << 31}, Features: []string{"shader-f16"}}}

func diagnosed(t *testing.T, f facts, s storage) *App {
	t.Helper()
	a, p, _ := newTest(t)
	p.facts, p.store = f, s
	do(a, func() { a.Fold("diagnosis") })
	wait(t, a, "the facts", func() bool { return a.check.found != nil })
	return a
}

func TestDiagnosis(t *testing.T) {
	room := storage{Quota: 9 << 30, Persisted: true}
	a := diagnosed(t, goodFacts, room)
	do(a, func() {
		a.offline.Ready = true
		for _, f := range a.findings() {
			if !f.Good || f.Fix != "" || f.State == "" {
				t.Errorf("with everything there: %+v", f)
			}
		}
		a.CopyReport()
	})
	wait(t, a, "the copy", func() bool { return a.check.copied != "" })
	p := a.page.(*fakePage)
	for _, want := range []string{"build b1", "Test/1", "✓ GPU adapter: acme rdna", "maxBufferSize 2147483648", "shader-f16"} {
		if !strings.Contains(p.copied, want) {
			t.Errorf("the report lacks %q: %s", want, p.copied)
		}
	}
	for name, change := range map[string]func(*facts, *storage){
		"Secure context":         func(f *facts, _ *storage) { f.Secure = false },
		"WebGPU":                 func(f *facts, _ *storage) { f.GPU = gpuFacts{} },
		"GPU adapter":            func(f *facts, _ *storage) { f.GPU = gpuFacts{API: true, Why: "none"} },
		"GPU limits":             func(f *facts, _ *storage) { f.GPU.Limits = map[string]int64{"maxStorageBufferBindingSize": 1 << 20} },
		"wasm SIMD":              func(f *facts, _ *storage) { f.SIMD = false },
		"wasm relaxed SIMD":      func(f *facts, _ *storage) { f.Relaxed = false },
		"Cross-origin isolation": func(f *facts, _ *storage) { f.Isolated = false },
		"Storage (OPFS)":         func(_ *facts, s *storage) { s.Why = "a private window" },
		"Room":                   func(_ *facts, s *storage) { s.Usage = s.Quota - 1000 },
		"Kept for good":          func(_ *facts, s *storage) { s.Persisted = false },
		"Locks between tabs":     func(f *facts, _ *storage) { f.Locks = false },
		"GPU adapter, a CPU":     func(f *facts, _ *storage) { f.GPU.Fallback = true },
		"GPU adapter, by a name": func(f *facts, _ *storage) { f.GPU.Adapter = "Google SwiftShader" },
	} {
		f, s := goodFacts, room
		change(&f, &s)
		a := diagnosed(t, f, s)
		do(a, func() {
			a.offline.Ready = true
			bad := 0
			for _, x := range a.findings() {
				if !x.Good {
					bad++
					if base, _, _ := strings.Cut(name, ","); x.Name != base || x.Fix == "" || x.State == "" {
						t.Errorf("%s: got %+v", name, x)
					}
				}
			}
			if bad != 1 {
				t.Errorf("%s: %d findings are bad, want one", name, bad)
			}
		})
	}
}

// A browser that tells nothing is said so, and may be asked again.
func TestDiagnosisFails(t *testing.T) {
	a, p, _ := newTest(t)
	p.noFacts = errors.New("it broke")
	do(a, func() { a.Fold("diagnosis") })
	wait(t, a, "the end", func() bool { return a.check.why == "it broke" })
	p.mu.Lock()
	p.noFacts, p.facts = nil, goodFacts
	p.mu.Unlock()
	do(a, func() { a.Fold("diagnosis"); a.Fold("diagnosis") })
	wait(t, a, "the facts", func() bool { return a.check.found != nil && a.check.why == "" })
}

// Where the GPU was asked for and is none, the diagnosis opens.
func TestNoGPUOpensTheDiagnosis(t *testing.T) {
	a, _, f := newTest(t)
	f.openIt = func() error { return fault.New(fault.NoGPU, "gpu", "no adapter") }
	do(a, func() { a.Load() })
	wait(t, a, "the fault", func() bool { return a.fault != nil })
	do(a, func() {
		if !a.folds["diagnosis"] {
			t.Error("it is closed")
		}
	})
}

const someGolden = `{"made": "torch 1", "tolerance": 1e-4, "examples": "x", "runs": [{"name": "z", "options": {"method": "z", "steps": 3}, "losses": [4, %s, 1.3333]}]}`

func TestSelfTest(t *testing.T) {
	for want, loss := range map[string]string{"Passed: all 2 runs have the losses of torch 1.": "2.00001", "Failed: 2 of 2 runs. Please copy the report and send it along.": "2.1"} {
		a, p, f := newTest(t)
		p.files[selfTestPath+"golden.json"] = fmt.Sprintf(someGolden, loss)
		do(a, func() { a.SelfTest(); a.SelfTest() })
		wait(t, a, "the end", func() bool { return a.check.test.stop == nil })
		do(a, func() {
			r := a.check.test.results
			if a.fault != nil || len(r) != 2 || a.check.test.verdict() != want || r[0].Steps != 3 {
				t.Fatalf("got the fault %v, %d results, %q, want %q", a.fault, len(r), a.check.test.verdict(), want)
			}
			if passed := r[0].passed(); passed != strings.HasPrefix(want, "Passed") || passed && !strings.Contains(r[0].text(), "off by at most 3.3e-05 (step 3") {
				t.Errorf("got %q", r[0].text())
			}
		})
		if _, o := f.calls("adapt"); !strings.Contains(o, `"examples":"x"`) || !strings.Contains(o, `"steps":3`) {
			t.Errorf("asked %s", o)
		}
		if html := render(t, a); !strings.Contains(html, "Self-test") {
			t.Error("it is not shown")
		}
	}
}

func TestSelfTestWithoutAGPU(t *testing.T) {
	a, p, f := newTest(t)
	p.files[selfTestPath+"golden.json"] = fmt.Sprintf(someGolden, "2")
	opened := 0
	f.openIt = func() error {
		if opened++; opened == 2 {
			return fault.New(fault.NoGPU, "gpu", "no adapter")
		}
		return nil
	}
	do(a, func() { a.SelfTest() })
	wait(t, a, "the end", func() bool { return a.check.test.stop == nil })
	do(a, func() {
		if r := a.check.test.results; len(r) != 2 || r[1].Skipped == "" || !strings.HasPrefix(a.check.test.verdict(), "Passed: all 1 runs") {
			t.Errorf("got %+v", r)
		}
	})
}

func TestSelfTestOfDamage(t *testing.T) {
	a, p, _ := newTest(t)
	p.files[selfTestPath+"golden.json"] = "{"
	do(a, func() { a.SelfTest() })
	wait(t, a, "the fault", func() bool { return a.fault != nil && a.check.test.stop == nil })
	r := testResult{}
	if r.compare([]float64{1}, nil); r.Fault == "" || r.passed() {
		t.Errorf("another number of steps: %+v", r)
	}
}
