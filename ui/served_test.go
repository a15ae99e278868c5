//go:build !js

package ui

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/task"
)

// A base comes with skills that were made for it, however it was chosen.
func TestSkillsFollowTheBase(t *testing.T) {
	a, _, _ := newTest(t)
	m := &a.model
	offered := func() (out []string) {
		for _, v := range m.skills() {
			out = append(out, v.ID)
		}
		return out
	}
	check := func(what, base, inventory string, skills ...string) {
		t.Helper()
		if m.base != base || m.inventory != inventory || !slices.Equal(offered(), skills) {
			t.Errorf("%s: got %s with %s of %v, want %s with %s of %v", what, m.base, m.inventory, offered(), base, inventory, skills)
		}
	}
	const ours, own = "smollm2-135m-mhr", "pocket-mhr"
	take := func(names ...string) {
		var files []file
		for _, n := range names {
			files = append(files, file{name: n})
		}
		do(a, func() { a.TakeFiles(files) })
		wait(t, a, "the files", func() bool { return m.sorting == 0 })
	}
	do(a, func() {
		check("at first", "tiny", ours, ours)
		a.PickBase(pocket.ID)
		check("pocket", pocket.ID, own, own)
		a.PickInventory(noInventory)
		a.PickBase("tiny")
		check("back", "tiny", ours, ours)
	})
	take("model.gguf")
	do(a, func() {
		check("an unknown file", ownFiles, noInventory, ours, own)
		a.PickInventory(ours)
		a.PickBase(pocket.ID)
		check("pocket after a file", pocket.ID, own, own)
	})
	take("SmolLM2-135M-Instruct.Q8_0.gguf")
	do(a, func() { check("a file with a name", ownFiles, ours, ours, own) })
	take("skills/adapter_config.json", "skills/adapter_model.safetensors")
	do(a, func() {
		check("own skills", ownFiles, ownFiles, ours, own)
		a.PickBase(pocket.ID)
		check("pocket after own skills", pocket.ID, own, own)
		a.PickBase(ownFiles)
		check("own files again", ownFiles, ownFiles, ours, own)
	})
}

// What was chosen before the server answered stays.
func TestAChoiceStays(t *testing.T) {
	a := NewApp(&fakePage{files: map[string]string{manifestPath: someManifest}}, newFakeStore(), (&fakeEngine{}).dial)
	do(a, func() { a.TakeFiles([]file{{name: "model.gguf"}}) })
	a.Start()
	wait(t, a, "the answer", func() bool { return a.model.looked && a.model.sorting == 0 })
	do(a, func() {
		if a.model.base != ownFiles || len(a.model.served) != 2 {
			t.Errorf("got %s of %d models", a.model.base, len(a.model.served))
		}
	})
}

// The pocket model's paths, sizes and samples are those of the files that come
// with the page.
func TestWhatComesWithThePage(t *testing.T) {
	size := func(dir string, files ...string) (n int64) {
		for _, f := range files {
			st, err := os.Stat(filepath.Join("../assets", dir, f))
			if err != nil {
				t.Fatal(err)
			}
			n += st.Size()
		}
		return n
	}
	a, _, f := newTest(t)
	do(a, func() { a.PickBase(pocket.ID); a.Load() })
	wait(t, a, "the model", func() bool { return a.model.open() })
	if _, o := f.calls("open"); !strings.Contains(o, `"base":[{"url":"https://page.test/pocket/base/","of":"Pocket"}],"inventory":[{"url":"https://page.test/pocket/inventory/","of":"Pocket's skills"}]`) {
		t.Errorf("opened %s", o)
	}
	if n := size("pocket/base", "config.json", "model.safetensors", "tokenizer.json"); n != pocket.Bytes {
		t.Errorf("the base has %d bytes, the page says %d", n, pocket.Bytes)
	}
	sum := func(file string) string {
		b, err := os.ReadFile(filepath.Join("../assets", file))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(b))
	}
	if got := sum("pocket/base/model.safetensors"); got != pocket.SHA256 {
		t.Errorf("the base's sha256 is %s, the page says %s", got, pocket.SHA256)
	}
	for _, v := range inventories {
		if got := sum(v.URL + "adapter_model.safetensors"); got != v.SHA256 {
			t.Errorf("%s: the weights' sha256 is %s, the page says %s", v.ID, got, v.SHA256)
		}
		if n := size(v.URL, "adapter_config.json", "adapter_model.safetensors", "manifest.json", "task_rows.safetensors", "task_gradients.safetensors"); n != v.Bytes {
			t.Errorf("%s has %d bytes, the page says %d", v.ID, n, v.Bytes)
		}
	}
	shown := map[string]int{}
	for _, base := range []string{pocket.ID, "tiny", ownFiles} {
		do(a, func() { a.PickBase(base) })
		for _, s := range a.samples() {
			if s.Pocket != (base == pocket.ID) {
				t.Errorf("%s is shown with %s", s.ID, base)
			}
			shown[s.ID]++
		}
	}
	for _, s := range sampleSets {
		if shown[s.ID] == 0 {
			t.Errorf("%s is never shown", s.ID)
		}
		seen := map[string]bool{}
		for part, rows := range map[string]int{"train": 16, "held": 40} {
			b, err := os.ReadFile(filepath.Join("../assets", s.file(part)))
			if err != nil {
				t.Fatal(err)
			}
			p := task.Parse(b)
			if len(p.Examples) != rows || p.Bad > 0 {
				t.Errorf("%s: got %d rows, %d bad, want %d", s.file(part), len(p.Examples), p.Bad, rows)
			}
			for _, x := range p.Examples {
				if seen[x.Input] {
					t.Errorf("%s has %q a second time", s.file(part), x.Input)
				}
				seen[x.Input] = true
			}
		}
	}
}

// Recommended settings stand in the empty fields once the skills are open; what
// is typed goes before.
func TestRecommendedSettingsAreShown(t *testing.T) {
	a, _, f := newTest(t)
	f.few = map[string]map[string]any{"z": {"routerLr": .5, "steps": 20.}, "mu": {"batch": "many"}}
	do(a, func() {
		a.PickMethod("z")
		if a.normalRate() != "auto" || a.normalSteps() != defaultSteps {
			t.Errorf("before opening: rate %s, %d steps", a.normalRate(), a.normalSteps())
		}
		a.PickMethod("lora")
		if a.normalRate() != "0.01" {
			t.Errorf("lora: rate %s", a.normalRate())
		}
		a.Typed(examplesID, fourRows)
		a.PickMethod("z")
		a.Adapt()
	})
	wait(t, a, "the end of adapting", func() bool { return a.run.phase == idle })
	do(a, func() {
		if a.normalRate() != "0.5" || a.normalSteps() != 20 || a.normalBatch() != defaultBatch {
			t.Errorf("z: rate %s, %d steps of %d", a.normalRate(), a.normalSteps(), a.normalBatch())
		}
		a.PickMethod("mu")
		if a.normalRate() != "0.003" || a.normalSteps() != defaultSteps || a.normalBatch() != defaultBatch {
			t.Errorf("mu: rate %s, %d steps of %d", a.normalRate(), a.normalSteps(), a.normalBatch())
		}
		a.run.plan.Recommended = []string{"router-lr 0.5"}
		if s := a.run.planText(); !strings.HasSuffix(s, " As these skills recommend: learning rate 0.5.") {
			t.Errorf("the plan says %q", s)
		}
	})
	if _, o := f.calls("adapt"); strings.Contains(o, `"steps"`) || strings.Contains(o, `"routerLr"`) || !strings.Contains(o, `"routingEvery":2`) {
		t.Errorf("adapted with %s, want what is recommended left to the engine", o)
	}
}

// Choosing another base takes a sample away that is not for it, and nothing
// that a person typed.
func TestSamplesFollowTheBase(t *testing.T) {
	a, p, _ := newTest(t)
	s := sampleSets[0]
	p.files[s.file("train")], p.files[s.file("held")] = "train", "held"
	load := func() {
		t.Helper()
		do(a, func() { a.LoadSample(s) })
		wait(t, a, "the sample", func() bool { return a.examples.text == "train" })
	}
	load()
	do(a, func() {
		a.PickBase(ownFiles)
		if a.examples.text != "train" {
			t.Error("a sample that is for any base is gone")
		}
		a.PickBase(pocket.ID)
		if e := a.examples; e.text+e.held+e.instruction+p.texts[examplesID]+p.texts[heldID]+p.texts[instructionID] != "" {
			t.Errorf("got %+v and %v", e, p.texts)
		}
		a.PickBase("tiny")
	})
	load()
	do(a, func() {
		a.Typed(examplesID, "train, mine")
		a.PickBase(pocket.ID)
		if a.examples.text != "train, mine" || a.examples.held != "held" {
			t.Error("what was typed is gone")
		}
	})
}

// Without labels to choose from, one number counts: the right answers.
func TestScoresWithoutLabels(t *testing.T) {
	a, _, f := newTest(t)
	adapted(t, a, "mu")
	if html := render(t, a); !strings.Contains(html, ">Balanced accuracy<") || !strings.Contains(html, `class="plain">Accuracy<`) {
		t.Error("with labels: want both accuracies")
	}
	f.labels = nil
	adapted(t, a, "mu")
	if html := render(t, a); strings.Contains(html, "Balanced accuracy") || !strings.Contains(html, ">Right answers<") || !strings.Contains(html, `class="gone">Accuracy<`) {
		t.Error("without labels: want the right answers alone")
	}
	do(a, func() {
		if v := a.verdict(); !strings.Contains(v, "the base: right answers 75% against 50%") {
			t.Errorf("the verdict is %q", v)
		}
	})
}

// What a base takes in memory is said where the device tells what room it has.
func TestNeedIsSaid(t *testing.T) {
	const says = "takes 1.8 GB of memory"
	m := modelState{info: &info{Need: &need{Weights: 1_475_000_000, Step: 369_000_000}}}
	if got := strings.Join(m.facts(), "; "); !strings.Contains(got, says) {
		t.Errorf("got %s, want %q", got, says)
	}
	m.info.Need = nil
	if got := strings.Join(m.facts(), "; "); strings.Contains(got, "of memory") {
		t.Errorf("got %s", got)
	}
}
