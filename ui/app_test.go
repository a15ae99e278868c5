//go:build !js

package ui

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

const fourRows = "one => a\ntwo => b\nthree => a\nfour => b\n"

// adapted runs a whole fine-tune.
func adapted(t *testing.T, a *App, method string) {
	t.Helper()
	do(a, func() {
		a.Typed(examplesID, fourRows)
		a.PickMethod(method)
		a.Set("steps", "3")
		if w := a.whyNot(); w != "" {
			t.Errorf("Adapt can't run: %s", w)
		}
		a.Adapt()
	})
	wait(t, a, "the end of adapting", func() bool { return a.run.phase == idle })
}

func TestAdaptFromStartToEnd(t *testing.T) {
	a, p, f := newTest(t)
	do(a, func() {
		if w := a.whyNot(); w != "Add examples in step 2." {
			t.Errorf("without examples: got %q", w)
		}
	})
	adapted(t, a, "z")
	do(a, func() {
		if a.fault != nil || a.run.fit == nil || len(a.run.losses) != 3 || !strings.Contains(a.run.chart, "<svg") || !strings.Contains(a.run.heat, "<svg") {
			t.Fatalf("got the fault %v, the fit %v, %d losses", a.fault, a.run.fit, len(a.run.losses))
		}
		if want := "on 2 held-out rows the adapted model may be better than the base: balanced accuracy 75% against 50%"; a.verdict() != want || a.said != "Done: "+want {
			t.Errorf("got the verdict %q and said %q, want %q", a.verdict(), a.said, want)
		}
		if rows, more := a.run.outcomes(); len(rows) != 2 || more != 0 || rows[0].right || rows[0].input != "odd" || rows[0].base != "b" {
			t.Errorf("got the outcomes %+v, want the error first", rows)
		}
		a.Export()
	})
	if _, o := f.calls("open"); !strings.Contains(o, `"base":[{"name":"tiny.gguf","url":"https://page.test/models/tiny.gguf","sha256":"00","size":5000000,"of":"Tiny SmolLM2-135M"}]`) ||
		!strings.Contains(o, `"inventory":[{"url":"https://page.test/inventory/`) {
		t.Errorf("opened %s", o)
	}
	if _, o := f.calls("adapt"); !strings.Contains(o, `"method":"z"`) || !strings.Contains(o, `"holdout":0.25`) || strings.Contains(o, `"held"`) {
		t.Errorf("adapted with %s", o)
	}
	wait(t, a, "the export", func() bool { return a.run.exported && a.run.saved })
	if got := p.saved["handful-Fine-tune-z.zip"]; !slices.Equal(got, []string{"adapter_config.json"}) {
		t.Errorf("saved %v", p.saved)
	}
	do(a, func() {
		if a.Unsaved() {
			t.Error("unsaved after the export")
		}
		a.Typed(promptID, "hello")
		a.Try()
	})
	wait(t, a, "the answers", func() bool { return !a.try.running })
	do(a, func() {
		if x := a.try.answers; len(x) != 2 || x[0].shown() != "by 5" || x[1].shown() != "by base" || !x[1].done {
			t.Errorf("got the answers %+v", x)
		}
	})
	if n, o := f.calls("generate"); n != 2 || !strings.Contains(o, `"options":["a","b"]`) {
		t.Errorf("asked %d times, last %s, want the options of the rows", n, o)
	}
	adapted(t, a, "mu")
	wait(t, a, "the first fit to be freed", func() bool { n, o := f.calls("free"); return n == 1 && o == `{"id":5}` })
	if n, _ := f.calls("open"); n != 1 {
		t.Errorf("opened %d times, want once", n)
	}
}

func TestStopKeepsWhatWasLearned(t *testing.T) {
	a, _, f := newTest(t)
	began := make(chan bool, 99)
	steps := 0
	f.step = func(ctx context.Context) {
		if steps++; steps == 2 {
			began <- true
			<-ctx.Done()
		}
	}
	do(a, func() {
		a.Typed(examplesID, fourRows)
		a.Adapt()
		a.Adapt() // a double click
	})
	<-began
	do(a, func() {
		a.Stop()
		a.Stop()
		if a.run.phase != stopping || a.whyNot() == "" {
			t.Errorf("stopping: got phase %d, %q", a.run.phase, a.whyNot())
		}
	})
	wait(t, a, "the stop", func() bool { return a.run.phase == idle })
	do(a, func() {
		if a.fault != nil || a.run.fit == nil || !a.run.fit.Stopped || len(a.run.losses) != 1 || !strings.Contains(a.said, "Stopped after 1 step") {
			t.Errorf("got the fault %v, the fit %+v, %d losses, said %q", a.fault, a.run.fit, len(a.run.losses), a.said)
		}
	})
	if n, _ := f.calls("adapt"); n != 1 {
		t.Errorf("adapted %d times, want once", n)
	}
}

func TestOpeningFails(t *testing.T) {
	a, _, f := newTest(t)
	f.openIt = func() error { return fault.Unsupportedf("base", "got bert, want llama").Next("use another") }
	adapted(t, a, "mu")
	do(a, func() {
		if a.fault == nil || a.fault.Hint != "use another" || a.examples.text != fourRows || a.model.opening() || a.busy() {
			t.Errorf("got the fault %v, examples %q, opening %v", a.fault, a.examples.text, a.model.opening())
		}
	})
	f.openIt = nil
	adapted(t, a, "mu")
	do(a, func() {
		if a.fault != nil || a.run.fit == nil {
			t.Errorf("the second time: got the fault %v, the fit %v", a.fault, a.run.fit)
		}
	})
}

func TestStopWhileOpening(t *testing.T) {
	a, _, f := newTest(t)
	began, end := make(chan bool), make(chan bool)
	f.openIt = func() error { began <- true; <-end; return fault.From("open", context.Canceled) }
	do(a, func() {
		a.Typed(examplesID, fourRows)
		a.Adapt()
	})
	<-began
	do(a, a.Stop)
	close(end)
	wait(t, a, "the stop", func() bool { return a.run.phase == idle && !a.model.opening() })
	do(a, func() {
		if a.fault != nil || a.run.fit != nil || a.whyNot() != "" {
			t.Errorf("got the fault %v, the fit %v, %q", a.fault, a.run.fit, a.whyNot())
		}
	})
}

func TestCrash(t *testing.T) {
	a, _, f := newTest(t)
	began := make(chan bool)
	f.step = func(ctx context.Context) { began <- true; <-ctx.Done() }
	do(a, func() {
		a.Typed(examplesID, fourRows)
		a.Adapt()
	})
	<-began
	f.client.Receive(`{"id":0,"kind":"crash","seq":0,"err":{"kind":"memory","op":"engine","msg":"out of memory"}}`, nil)
	wait(t, a, "the end", func() bool { return a.run.phase == idle })
	do(a, func() {
		if !fault.Is(a.fault, fault.Memory) || a.model.info != nil || a.whyNot() != "" {
			t.Errorf("got the fault %v, the model %v, %q", a.fault, a.model.info, a.whyNot())
		}
	})
	f.step = nil
	adapted(t, a, "mu")
	if f.dials != 2 {
		t.Errorf("dialled %d times, want a second engine after the crash", f.dials)
	}
}

func TestPreview(t *testing.T) {
	a, _, f := newTest(t)
	do(a, a.Load)
	wait(t, a, "the model", func() bool { return a.model.open() })
	do(a, func() {
		for i := range fourRows {
			a.Typed(examplesID, fourRows[:i+1])
		}
		a.Typed(heldID, "five => wrong")
	})
	wait(t, a, "the preview", func() bool { return a.examples.seen != nil && a.examples.heldSeen != nil })
	if n, _ := f.calls("preview"); n != 2 {
		t.Errorf("asked %d times, want once for the examples and once for the test rows", n)
	}
	do(a, func() {
		if got := a.examples.faults(); !slices.Equal(got, []string{"test rows: line 2: no label; write text => label"}) {
			t.Errorf("got the faults %q", got)
		}
		if w := a.whyNot(); !strings.Contains(w, "can't be read") {
			t.Errorf("with a fault: got %q", w)
		}
		a.Adapt()
		if a.run.phase != idle {
			t.Error("adapting with faults in the examples")
		}
		a.TakeText(heldID, "")
	})
	wait(t, a, "the second preview", func() bool { return a.whyNot() == "" })
}

func TestSample(t *testing.T) {
	a, p, _ := newTest(t)
	p.files["samples/sms_spam.train.jsonl"], p.files["samples/sms_spam.held.jsonl"] = "train", "held"
	do(a, func() { a.LoadSample(sampleSets[0]) })
	wait(t, a, "the sample", func() bool { return a.examples.text != "" })
	do(a, func() {
		if p.texts[examplesID] != "train" || p.texts[heldID] != "held" || p.texts[instructionID] == "" {
			t.Errorf("got %v", p.texts)
		}
		a.LoadSample(sampleSets[1])
	})
	wait(t, a, "the fault", func() bool { return a.fault != nil })
	do(a, func() {
		if a.examples.text != "train" {
			t.Error("a sample that is missing took the examples away")
		}
		a.Dismiss()
		if a.fault != nil {
			t.Error("the fault stays")
		}
	})
}

func TestTakeFiles(t *testing.T) {
	list := func(names ...string) (out []file) {
		for _, n := range names {
			out = append(out, file{name: n, size: 7, blob: "bytes of " + n})
		}
		return out
	}
	for _, x := range []struct {
		files     []file
		base, inv int
	}{
		{list("model.gguf"), 1, 0},
		{list("m/config.json", "m/model.safetensors", "m/tokenizer.json"), 3, 0},
		{list("skills.ckpt"), 0, 1},
		{list("all/base/config.json", "all/skills/a", "all/base/model.safetensors", "all/skills/b"), 2, 2},
		{list("both.zip"), 1, 1},
	} {
		a, _, _ := newTest(t)
		do(a, func() {
			a.TakeFiles(x.files)
			if a.whyNot() != lookingAtFiles || a.loadLabel() != lookingAtFiles {
				t.Error("the page does not say that the files are looked at")
			}
		})
		wait(t, a, "the files", func() bool { return a.model.sorting == 0 })
		do(a, func() {
			m := &a.model
			if len(m.baseFiles) != x.base || len(m.invFiles) != x.inv || (m.base == ownFiles) != (x.base > 0) || (m.inventory == ownFiles) != (x.inv > 0) {
				t.Errorf("%s …: got %d and %d files, chosen %q and %q", x.files[0].name, len(m.baseFiles), len(m.invFiles), m.base, m.inventory)
			}
			o, blobs := m.request(a.page.URL)
			if len(blobs) != x.base+x.inv || len(o.Base) == 0 || x.inv > 0 && *o.Inventory[0].Blob != x.base {
				t.Errorf("%s …: got %+v with %d blobs", x.files[0].name, o, len(blobs))
			}
			for i, f := range append(append([]file{}, m.baseFiles...), m.invFiles...) {
				if blobs[i] != "bytes of "+f.name {
					t.Errorf("%s has %v", f.name, blobs[i])
				}
			}
		})
	}
	a, _, _ := newTest(t)
	do(a, func() { a.TakeFiles(list("model.gguf")) })
	do(a, func() { a.TakeFiles(list("broken.zip")); a.Load() })
	wait(t, a, "the fault", func() bool { return a.fault != nil && a.model.sorting == 0 })
	do(a, func() {
		if len(a.model.baseFiles) != 1 || a.model.baseFiles[0].name != "model.gguf" {
			t.Errorf("a broken file took the others away: %v", a.model.baseFiles)
		}
		if a.model.opening() || a.model.loadThen {
			t.Error("a broken file was loaded")
		}
	})
}

func TestLoadPressedTooEarlyLoadsWhatWasDropped(t *testing.T) {
	a, _, f := newTest(t)
	do(a, func() {
		a.TakeFiles([]file{{name: "mine.gguf", size: 5, blob: "bytes"}})
		a.Load()
	})
	wait(t, a, "the model", func() bool { return a.model.info != nil })
	if n, o := f.calls("open"); n != 1 || strings.Contains(o, "tiny.gguf") {
		t.Errorf("opened %d times, %s", n, o)
	}
}

// TestExportAs: what is chosen is what the engine is asked for.
func TestExportAs(t *testing.T) {
	a, p, f := newTest(t)
	adapted(t, a, "mu")
	for id, want := range map[string]string{"": `{"id":5}`, "gguf-lora": `{"id":5,"to":"gguf-lora"}`, "merged": `{"id":5,"to":"merged","dtype":"F16"}`} {
		do(a, func() {
			a.PickExport(id)
			if a.run.exported {
				t.Error("another format counts as saved")
			}
			a.Export()
		})
		wait(t, a, "the export", func() bool { return a.run.exported })
		if _, params := f.calls("export"); params != want {
			t.Errorf("asked for %s, want %s", params, want)
		}
	}
	for _, name := range []string{"handful-Fine-tune-mu.zip", "handful-Fine-tune-mu-gguf-lora.zip", "handful-Fine-tune-mu-merged.zip"} {
		if p.saved[name] == nil {
			t.Errorf("%s was not saved, but %v", name, p.saved)
		}
	}
}

func TestChangeOfModel(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "mu")
	do(a, func() {
		a.PickInventory(noInventory)
		if w := a.whyNot(); !strings.Contains(w, "starts from skills") {
			t.Errorf("mu without skills: got %q", w)
		}
		if a.model.open() {
			t.Error("another choice counts as open")
		}
	})
	adapted(t, a, "lora")
	if n, o := f.calls("open"); n != 2 || f.dials != 2 || strings.Contains(o, "inventory") {
		t.Errorf("opened %d times in %d engines, last %s, want a fresh engine without skills", n, f.dials, o)
	}
	if n, _ := f.calls("free"); n != 0 {
		t.Errorf("freed %d fits of an engine that is gone", n)
	}
}

// Without models of the server there is the page's own.
func TestWithoutModels(t *testing.T) {
	for _, manifest := range []string{"", "<html>", "{}", "[]", `[{"id":7}]`, `[{"id":"pocket","file":"x"}]`} {
		a := NewApp(&fakePage{files: map[string]string{manifestPath: manifest}}, newFakeStore(), nil)
		a.Start()
		wait(t, a, "the answer", func() bool { return a.model.looked })
		do(a, func() {
			if m := &a.model; a.fault != nil || m.base != pocket.ID || m.inventory != "pocket-mhr" || a.whyNot() != "Add examples in step 2." || a.loadLabel() != "Load, 3.6 MB" {
				t.Errorf("%q: got the fault %v, %s with %s, %q, %q", manifest, a.fault, m.base, m.inventory, a.whyNot(), a.loadLabel())
			}
			a.PickBase(ownFiles)
			if a.model.chosen() || a.whyNot() != "Choose a model in step 1." || a.model.dropClass() != "wanted" || a.loadLabel() != "Load" {
				t.Errorf("%q: no files count as a model: %q", manifest, a.whyNot())
			}
			a.Adapt()
			a.Load()
			a.Try()
			a.Export()
			a.Stop()
			a.StopLoad()
		})
	}
}

func TestOddEvents(t *testing.T) {
	a, _, _ := newTest(t)
	for _, kind := range []string{"plan", "step", "routing", "score", "progress", "unheard of"} {
		for _, data := range []string{"null", "[]", "{}", "7", `"x"`, `[{"step":-1,"loss":1e999}]`, `{"sites":["a"],"w":[]}`, `{"sites":null,"w":[[[1]]]}`, `[null]`, ""} {
			do(a, func() {
				a.take(kind, json.RawMessage(data)) // an error or nothing, never a panic
				a.progress()
				a.run.scoreTable()
				a.run.outcomes()
				a.Islands()
			})
		}
	}
}

func TestAFailedRunKeepsTheLastResult(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "z")
	var chart string
	do(a, func() { chart = a.run.chart })
	f.step = func(context.Context) { panic(fault.New(fault.Memory, "adapt", "out of memory")) }
	adapted(t, a, "mu")
	do(a, func() {
		if !fault.Is(a.fault, fault.Memory) || a.run.fit == nil || a.run.method != "z" || a.run.chart != chart || len(a.run.scores) != 2 {
			t.Errorf("got the fault %v, the fit %v of %q, %d scores", a.fault, a.run.fit, a.run.method, len(a.run.scores))
		}
	})
	if n, _ := f.calls("free"); n != 0 {
		t.Error("the last result was freed")
	}
}

func TestCompare(t *testing.T) {
	for _, x := range []struct {
		a, b float64
		n    int
		want string
	}{
		{.9, .5, 40, "is better than"}, {.55, .5, 40, "may be better than"}, {1, 0, 2, "may be better than"}, {.5, .5, 40, "is no better than"},
		{.45, .5, 40, "may be worse than"}, {.1, .9, 40, "is worse than"}, {1, 1, 0, "is no better than"}, {.55, .5, 4000, "is better than"},
	} {
		if got := compare(x.a, x.b, x.n); got != x.want {
			t.Errorf("%g and %g over %d: got %q, want %q", x.a, x.b, x.n, got, x.want)
		}
	}
}

func TestAWrongFileLosesNothing(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "mu")
	f.openIt = func() error { return fault.Inputf("base", "no model in notes.txt") }
	do(a, func() {
		a.TakeFiles([]file{{name: "notes.txt"}})
	})
	wait(t, a, "the files", func() bool { return a.model.sorting == 0 })
	do(a, a.Load)
	wait(t, a, "the fault", func() bool { return a.fault != nil && !a.busy() })
	do(a, func() {
		if a.run.fit == nil || a.model.info == nil || a.run.chart == "" || a.model.open() {
			t.Errorf("got the fit %v, the model %v, open %v", a.run.fit, a.model.info, a.model.open())
		}
		a.Export()
	})
	wait(t, a, "the export", func() bool { return a.run.saved })
	f.openIt = nil
	do(a, a.Load)
	wait(t, a, "the new model", func() bool { return a.model.open() })
	do(a, func() {
		if a.run.fit != nil || a.run.chart != "" {
			t.Error("the old model's result is still shown")
		}
	})
}

func TestFault41TimeLeft(t *testing.T) {
	for _, x := range []struct {
		times []float64
		steps int
		want  time.Duration
		known bool
	}{
		{nil, 40, 0, false},
		{[]float64{5000}, 40, 0, false},
		{[]float64{5000, 100}, 40, 3800 * time.Millisecond, true},
		{[]float64{5000, 100, 100, 9000, 100}, 10, 500 * time.Millisecond, true},
		{[]float64{1, 1, 1}, 3, 0, false},
		{[]float64{1, 1, 1}, 2, 0, false},
		{[]float64{1, -1}, 9, 0, false},
	} {
		if d, known := timeLeft(x.times, x.steps); d != x.want || known != x.known {
			t.Errorf("%v of %d: got %v %v, want %v %v", x.times, x.steps, d, known, x.want, x.known)
		}
	}
}

func TestTenthsAreSaidOnce(t *testing.T) {
	a, _, _ := newTest(t)
	do(a, func() {
		a.run.steps = 1000
		said := map[string]bool{}
		for i := range 1000 {
			b, _ := json.Marshal([]stepEvent{{Step: i + 1, Loss: 1, MS: 1}})
			if err := a.take("step", b); err != nil {
				t.Fatal(err)
			}
			said[a.said] = true
		}
		delete(said, "")
		if len(said) != 10 {
			t.Errorf("said %d things, want 10: %v", len(said), said)
		}
	})
}

func TestBalance(t *testing.T) {
	bars, more := balance(map[string]int{"ham": 6, "spam": 12, "eggs": 6})
	if len(bars) != 3 || more != 0 || bars[0] != (bar{"spam", 12, "12", 100}) || bars[1] != (bar{"eggs", 6, "6", 50}) {
		t.Errorf("got %v, %d more", bars, more)
	}
	many := map[string]int{}
	for i := range 30 {
		many[string(rune('a'+i))] = 3
	}
	if bars, more := balance(many); len(bars) != mostBars || more != 30-mostBars {
		t.Errorf("got %d bars and %d more", len(bars), more)
	}
	for name, labels := range map[string]map[string]int{"none": nil, "one": {"a": 9}, "all different": {"a": 1, "b": 1, "c": 1}} {
		if bars, _ := balance(labels); bars != nil {
			t.Errorf("%s: got %v, want none", name, bars)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, x := range []struct {
		name, value, wrong string
	}{
		{"steps", "", ""}, {"steps", "10", ""}, {"steps", "0", "Steps"}, {"steps", "1.5", "Steps"}, {"steps", "1e9", "Steps"}, {"steps", "many", "Steps"},
		{"batch", "-1", "Batch"}, {"seed", "-1", "Seed"}, {"seed", "7", ""}, {"held", "91", "Held out"}, {"held", "0", ""},
		{"lr", "0", "learning rate"}, {"lr", "NaN", "learning rate"}, {"lr", "1e-3", ""}, {"lr", "Inf", "learning rate"},
	} {
		a := NewApp(&fakePage{}, newFakeStore(), nil)
		a.Set(x.name, " "+x.value+" ")
		_, wrong := a.settings.options()
		if (wrong == "") != (x.wrong == "") || !strings.Contains(wrong, x.wrong) {
			t.Errorf("%s %q: got %q, want %q in it", x.name, x.value, wrong, x.wrong)
		}
	}
	a := NewApp(&fakePage{}, newFakeStore(), nil)
	a.Set("lr", ".5")
	a.PickMethod("z")
	if o, _ := a.settings.options(); o.RouterLR != .5 || o.LR != 0 {
		t.Errorf("z: got %+v, want the rate of the routing", o)
	}
	a.PickMethod("lora")
	if o, _ := a.settings.options(); o.RouterLR != 0 || o.LR != .5 {
		t.Errorf("lora: got %+v, want the rate of the adapter", o)
	}
}
