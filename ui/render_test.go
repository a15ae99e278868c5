//go:build !js

package ui

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/staticrender"

	"handful/core/fault"
)

// render gives the page's HTML.
func render(t *testing.T, a *App) (out string) {
	t.Helper()
	do(a, func() {
		var b strings.Builder
		r := staticrender.New(&b)
		env, err := vugu.NewBuildEnv(r.EventEnv())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Render(env.RunBuild(&Root{App: a})); err != nil {
			t.Fatal(err)
		}
		out = b.String()
	})
	return out
}

func TestHooks(t *testing.T) {
	a, _, _ := newTest(t)
	html := render(t, a)
	for _, id := range []string{"device-name", "model-select", "inventory-select", "examples-input", "method-select", "steps-input", "loss-chart", "routing-map", "score-table", "try-input", "try-output", "fault"} {
		if n := strings.Count(html, `data-testid="`+id+`"`); n != 1 {
			t.Errorf("%s is there %d times, want once", id, n)
		}
	}
	for _, name := range []string{"Adapt", "Stop", "Try it", "Export", "Share", "Compare"} {
		if n := strings.Count(html, ">"+name+"</button>"); n != 1 {
			t.Errorf("the button %q is there %d times, want once", name, n)
		}
	}
	if n := strings.Count(html, `aria-live="polite"`); n != 1 {
		t.Errorf("%d polite regions, want one", n)
	}
	if strings.Contains(html, "style=") || strings.Contains(html, "<style") || strings.Contains(html, "<script") {
		t.Error("the page has code or style in line, which its policy forbids")
	}
	if strings.Contains(html, "progressbar") {
		t.Error("a progress bar while nothing happens")
	}
	do(a, func() {
		a.Typed(examplesID, fourRows)
		a.run.phase, a.run.steps, a.run.losses = training, 4, []float64{2}
	})
	html = render(t, a)
	if n := strings.Count(html, `role="progressbar"`); n != 1 || !strings.Contains(html, `aria-valuenow="25"`) {
		t.Errorf("%d progress bars while training, want one at 25%%", n)
	}
	do(a, func() { a.run.phase = idle; a.beginOpening() })
	if n := strings.Count(render(t, a), `role="progressbar"`); n != 1 {
		t.Errorf("%d progress bars while opening, want one", n)
	}
}

// TestFault38EverythingIsText puts markup wherever a stranger's words are shown.
func TestFault38EverythingIsText(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'&`
	a, _, _ := newTest(t)
	adapted(t, a, "z")
	do(a, func() {
		a.fault = &fault.Error{Op: evil, Msg: evil, Hint: evil}
		a.said = evil
		a.model.served[0].Name, a.model.baseFiles, a.model.invFiles = evil, []file{{name: evil}}, []file{{name: evil}}
		i := a.model.info
		i.Model, i.Licence, i.Quant, i.Device.Name, i.DeviceWhy, i.Inventory.Name = evil, evil, evil, evil, evil, evil
		p := &preview{Rows: 4, Labels: map[string]int{evil: 2, "b": 2}, Faults: []*fault.Error{{Msg: evil, Hint: evil}}, Hints: []string{evil}, Prompt: evil}
		a.examples.seen, a.examples.heldSeen = p, p
		a.run.plan.Hints = []string{evil}
		for i := range a.run.scores {
			for k := range a.run.scores[i].Rows {
				a.run.scores[i].Rows[k] = prediction{Input: evil, Want: evil, Got: evil}
			}
		}
		a.run.scores[0].Name = evil
		a.try.answers = []answer{{name: evil, text: evil}}
		k := kept{packed: packed{ID: "1", Card: card{Method: evil, Base: weights{evil, evil}}}, Name: evil, Made: evil}
		a.library = libraryState{list: []kept{k}, gone: &k}
		a.run.name, a.run.other, a.run.otherName, a.run.shareSays = evil, &fit{}, evil, evil
		a.link.given = &given{name: evil, card: card{Method: evil, Base: weights{evil, evil}, Inventory: &weights{evil, evil}, Instruction: evil, Made: evil}}
		a.run.similar, a.run.aligned = []similarTask{{Task: evil}}, []similarTask{{Task: evil}}
		a.folds = map[string]bool{"loss": true, "confusion": true, "held": true, "prompt": true, "routing": true, "rows": true, "settings": true}
		a.run.routing.Sites[0] = evil
		a.draw()
	})
	html := render(t, a)
	for _, s := range a.Islands() {
		html += s
	}
	if strings.Contains(html, "<img src=x") {
		i := strings.Index(html, "<img src=x")
		t.Errorf("markup got through: …%s", html[max(0, i-200):i+60])
	}
	if n := strings.Count(html, "&lt;img src=x"); n < 20 {
		t.Errorf("the words are shown in %d places, want them in all", n)
	}
}

// TestNothingIsTooLong: an attribute or text node of 16 KB would end the page.
func TestNothingIsTooLong(t *testing.T) {
	long := strings.Repeat("long ", 20_000)
	a, _, _ := newTest(t)
	adapted(t, a, "mu")
	do(a, func() {
		a.fault = &fault.Error{Op: long, Msg: long, Hint: long}
		i := a.model.info
		i.Model, i.Licence, i.Device.Name, i.DeviceWhy, i.Inventory.Name = long, long, long, long, long
		a.model.progress = progress{Status: "download", File: long}
		a.model.served[0].Name, a.model.baseFiles = long, []file{{name: long}}
		p := &preview{Rows: 4, Labels: map[string]int{long: 2, "b": 2}, Prompt: long, Format: long}
		for range 1000 {
			p.Hints, p.Faults, p.Cut = append(p.Hints, long), append(p.Faults, &fault.Error{Msg: long}), append(p.Cut, cutRow{})
		}
		a.examples.seen = p
		for i := range a.run.scores {
			for range 1000 {
				a.run.scores[i].Rows = append(a.run.scores[i].Rows, prediction{Input: long, Want: long, Got: long})
			}
		}
		a.try.answers = []answer{{name: "Adapted", text: long}}
		c := card{Method: long, Base: weights{long, long}, Inventory: &weights{long, long}, Instruction: long, Made: long}
		k := kept{packed: packed{ID: strings.Repeat("a", 64), Card: c}, Name: long, Made: long}
		a.library = libraryState{list: []kept{k, k}, gone: &k}
		a.run.similar, a.run.aligned = []similarTask{{Task: long}}, []similarTask{{Task: long}}
		a.run.name, a.run.other, a.run.otherName = long, &fit{}, long
		a.link.given = &given{name: long, card: c}
	})
	attributes := regexp.MustCompile(`="[^"]*"`)
	check := func() {
		html := render(t, a)
		if len(html) > 100_000 {
			t.Errorf("the page has %d bytes", len(html))
		}
		for _, x := range attributes.FindAllString(html, -1) {
			if len(x) > 8000 {
				t.Errorf("an attribute has %d bytes: %.80s", len(x), x)
			}
		}
	}
	check()
	do(a, func() { a.model.stop = func() {} }) // opening: the file's name is shown
	check()
}

// A render between a control's input and change events would put the old choice
// back before it is read.
func TestControlsListenToInput(t *testing.T) {
	names, err := filepath.Glob("*.vugu")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d components: %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("@change")) {
			t.Errorf("%s listens to change", name)
		}
	}
}
