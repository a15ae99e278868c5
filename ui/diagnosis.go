package ui

import (
	"fmt"
	"slices"
	"strings"
)

// facts are what the browser offers, as diagnosis.mjs finds them.
type facts struct {
	Build    string   `json:"build"`
	Browser  string   `json:"browser"`
	Cores    int      `json:"cores"`
	Memory   float64  `json:"memory"` // GB, about; 0: not told
	Secure   bool     `json:"secure"`
	Isolated bool     `json:"isolated"`
	SIMD     bool     `json:"simd"`
	Relaxed  bool     `json:"relaxed"`
	Locks    bool     `json:"locks"`
	GPU      gpuFacts `json:"gpu"`
}

type gpuFacts struct {
	API      bool             `json:"api"` // navigator.gpu is there
	Why      string           `json:"why"` // there is no adapter
	Adapter  string           `json:"adapter"`
	Fallback bool             `json:"fallback"` // it computes on the CPU
	Limits   map[string]int64 `json:"limits"`
	Features []string         `json:"features"`
}

// finding is a line of the diagnosis.
type finding struct {
	Name, State string
	Good        bool
	Fix         string // what to do about it; "": nothing
}

// diagnosisState is the fold "Diagnosis".
type diagnosisState struct {
	looking bool
	found   *facts
	why     string // nothing could be found out
	copied  string // how copying the report went

	test testState
}

// openDiagnosis opens the fold, and looks around when that was not yet done.
func (a *App) openDiagnosis() {
	a.folds["diagnosis"] = true
	if a.check.looking || a.check.found != nil {
		return
	}
	a.check.looking = true
	go func() {
		f, err := a.page.Facts()
		kept := a.page.Stored()
		a.page.Update(func() {
			a.check.looking, a.check.why = false, ""
			if err != nil {
				a.check.why = err.Error()
				return
			}
			a.check.found = &f
			a.store.storage, a.store.looked = kept, true
		})
	}()
}

// fewBytes is room that hardly holds a model.
const fewBytes = 300 << 20

// findings are what was found, each with what to do where it is not good.
func (a *App) findings() (out []finding) {
	f := a.check.found
	if f == nil {
		return nil
	}
	add := func(name string, good bool, state, bad, fix string) {
		if good {
			out = append(out, finding{Name: name, State: state, Good: true})
		} else {
			out = append(out, finding{Name: name, State: bad, Fix: fix})
		}
	}
	add("Secure context", f.Secure, "yes", "no", "Open the page by https, or from this machine as localhost: without that a browser gives no GPU, keeps nothing and works offline with nothing.")
	add("WebGPU", f.GPU.API, "navigator.gpu is there", "navigator.gpu is missing", "Use a current Chrome, Edge, Safari or Firefox; in Chrome on Linux chrome://flags/#enable-unsafe-webgpu turns it on. The page goes on with the cpu.")
	if f.GPU.API {
		g := &f.GPU
		name := clip(g.Adapter, 120)
		switch {
		case g.Adapter == "":
			add("GPU adapter", false, "", "none: "+clip(g.Why, 200), "Turn on hardware acceleration in the browser's settings, update the graphics driver, and look at chrome://gpu. The page goes on with the cpu.")
		case g.Fallback || strings.Contains(strings.ToLower(name), "swiftshader"):
			add("GPU adapter", false, "", name+", which computes on the CPU", "Turn on hardware acceleration in the browser's settings, or update the graphics driver. Auto takes the cpu, which is faster than this.")
		default:
			add("GPU adapter", true, name, "", "")
		}
		if n := g.Limits["maxStorageBufferBindingSize"]; g.Adapter != "" {
			state := bytesText(n) + " a binding, " + bytesText(g.Limits["maxBufferSize"]) + " a buffer"
			add("GPU limits", n >= 128<<20, state, state, "Large models will be refused on this GPU: take a smaller one, or the cpu.")
		}
	}
	add("wasm SIMD", f.SIMD, "yes", "no", "Update the browser: without it the cpu is several times slower.")
	add("wasm relaxed SIMD", f.Relaxed, "yes", "no", "Nothing is wrong: a newer browser would be somewhat faster on the cpu.")
	add("Cross-origin isolation", f.Isolated, "yes: the cpu computes on several threads", "no: the cpu computes on one thread", "Reload once, so that the page's service worker can add the headers, or serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.")
	s := &a.store
	add("Storage (OPFS)", s.Why == "", "yes", "no: "+clip(s.Why, 200), "Leave the private window, or allow this site to keep data: models are fetched anew at every visit otherwise.")
	if s.Why == "" {
		free := s.Quota - s.Usage
		state := bytesText(free) + " free of " + bytesText(s.Quota)
		add("Room", free >= fewBytes, state, state, "Free some disk space, or remove models that are kept in step 1.")
		add("Kept for good", s.Persisted, "yes", "the browser may remove it when it runs out of room", "Click “Ask to keep it for good” in step 1, or install the page.")
	}
	add("Works offline", a.offline.Ready, "yes", "not now", offlineFix(a.offline.Why))
	add("Locks between tabs", f.Locks, "yes", "no", "Update the browser, and use the page in one tab only.")
	return out
}

func offlineFix(why string) string {
	if why == "" {
		return "Wait until the page is kept, and reload it."
	}
	return sentence(clip(why, 200))
}

// report is all of it as text, for whoever is to help. It has no examples.
func (a *App) report() string {
	f := a.check.found
	if f == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Handful, build %s\nBrowser: %s\n", f.Build, f.Browser)
	fmt.Fprintf(&b, "Cores: %d", f.Cores)
	if f.Memory > 0 {
		fmt.Fprintf(&b, ", memory: %g GB or more", f.Memory)
	}
	name, why := a.model.deviceText()
	fmt.Fprintf(&b, "\nDevice: %s. %s\n", name, why)
	for _, x := range a.findings() {
		fmt.Fprintf(&b, "%s %s: %s\n", mark(x.Good), x.Name, x.State)
	}
	var limits []string
	for k, v := range f.GPU.Limits {
		limits = append(limits, fmt.Sprintf("%s %d", k, v))
	}
	slices.Sort(limits)
	if len(limits) > 0 {
		fmt.Fprintf(&b, "GPU limits: %s\nGPU features: %s\n", strings.Join(limits, ", "), strings.Join(f.GPU.Features, ", "))
	}
	for _, t := range a.check.test.results {
		fmt.Fprintf(&b, "Self-test: %s\n", t.text())
	}
	return b.String()
}

// CopyReport puts the report on the clipboard.
func (a *App) CopyReport() {
	text := a.report()
	if text == "" {
		return
	}
	go func() {
		err := a.page.Copy(text)
		a.page.Update(func() {
			if a.check.copied = "Copied: paste it where you report."; err != nil {
				a.check.copied = "It could not be copied: select the text below."
				a.folds["report"] = true
			}
			a.say(a.check.copied)
		})
	}()
}
