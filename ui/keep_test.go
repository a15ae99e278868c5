//go:build !js

package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

// keptOne is a page with a fine-tune that is kept.
func keptOne(t *testing.T) (*App, *fakePage, *fakeEngine, *fakeStore) {
	t.Helper()
	a, p, f := newTest(t)
	adapted(t, a, "z")
	wait(t, a, "the keeping", func() bool { return a.run.keptAs != "" && len(a.library.list) == 1 })
	return a, p, f, a.shelf.(*fakeStore)
}

func TestTrainingIsKept(t *testing.T) {
	a, p, f, s := keptOne(t)
	do(a, func() {
		k := a.library.list[0]
		if k.Name != "Fine-tune" || k.ID != a.run.keptAs || a.Unsaved() || len(s.bytes) != 1 || !strings.Contains(k.facts(), "MHR-z · Tiny SmolLM2-135M · 75% right, the base 50%, on 2 rows") {
			t.Errorf("kept %+v: %s", k, k.facts())
		}
		a.Typed(instructionID, " Is it  spam? ")
	})
	if _, o := f.calls("pack"); !strings.Contains(o, `"base":"Tiny SmolLM2-135M","inventory":"skills"`) || strings.Contains(o, "examples") {
		t.Errorf("packed %s", o)
	}
	adapted(t, a, "mu")
	adapted(t, a, "mu")
	wait(t, a, "all three", func() bool { return len(a.library.list) == 3 })
	do(a, func() {
		names := []string{}
		for _, k := range a.library.list {
			names = append(names, k.Name)
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"Fine-tune", "Is it spam?", "Is it spam? (2)"}) {
			t.Errorf("named %q", names)
		}
		a.TickExamples(true)
		a.Rename(a.run.keptAs)
	})
	if p.texts[renameID] != "Is it spam? (2)" {
		t.Errorf("the field has %q", p.texts[renameID])
	}
	do(a, func() {
		a.Typed(renameID, "  <b>spam</b>\n"+strings.Repeat("x", 500))
		a.Renamed(true)
		a.Renamed(true) // a second Enter
		if k := a.library.find(a.run.keptAs); !strings.HasPrefix(k.Name, "<b>spam</b> x") || len(k.Name) > 100 || a.run.name != k.Name || a.library.renaming != "" {
			t.Errorf("renamed to %q", k.Name)
		}
		a.Rename(a.run.keptAs)
		a.Typed(renameID, "other")
		a.Renamed(false)
	})
	id := ""
	do(a, func() { id = a.run.keptAs })
	wait(t, a, "the note", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return strings.Contains(s.notes[id], "spam") })
	do(a, func() {
		if strings.Contains(a.library.find(id).Name, "other") {
			t.Error("a cancelled name was taken")
		}
	})
	adapted(t, a, "z")
	wait(t, a, "the keeping with its rows", func() bool { _, o := f.calls("pack"); return strings.Contains(o, `"examples":true`) })
}

// What can't be kept is told, stays on the page and can be kept later.
func TestNoRoom(t *testing.T) {
	a, _, _ := newTest(t)
	s := a.shelf.(*fakeStore)
	s.fail = fault.New(fault.Quota, "library", "no room").Next("delete some")
	adapted(t, a, "z")
	wait(t, a, "the fault", func() bool { return a.fault != nil })
	do(a, func() {
		if !fault.Is(a.fault, fault.Quota) || a.run.keptAs != "" || !a.Unsaved() || a.run.keeping {
			t.Errorf("got the fault %v, kept as %q", a.fault, a.run.keptAs)
		}
	})
	s.fail = nil
	do(a, a.Keep)
	wait(t, a, "the keeping", func() bool { return a.run.keptAs != "" && !a.Unsaved() })
}

func TestAPrivateWindow(t *testing.T) {
	a, _, _ := newTest(t)
	a.shelf.(*fakeStore).where = "memory"
	adapted(t, a, "z")
	wait(t, a, "the keeping", func() bool { return a.run.keptAs != "" })
	do(a, func() {
		if !a.Unsaved() || a.library.lasts() {
			t.Error("it counts as saved")
		}
	})
	if html := render(t, a); !strings.Contains(html, "as in a private window") {
		t.Error("nothing says that it is gone later")
	}
}

func TestDeleteAndUndo(t *testing.T) {
	a, _, _, s := keptOne(t)
	do(a, func() { a.Delete(a.library.list[0].ID) })
	wait(t, a, "the deletion", func() bool { return len(a.library.list) == 0 && !a.library.busy })
	if len(s.bytes) != 0 || !strings.Contains(render(t, a), "Fine-tune is deleted.") {
		t.Error("it is still there, or nothing says so")
	}
	do(a, a.Undo)
	wait(t, a, "the undo", func() bool { return len(a.library.list) == 1 && a.library.gone == nil })
	if len(s.bytes) != 1 {
		t.Error("the bytes did not come back")
	}
	do(a, func() { a.Undo(); a.Delete("nothing"); a.Bring("nothing"); a.Rename("nothing") })
}

func TestBring(t *testing.T) {
	a, p, f, _ := keptOne(t)
	f.open = identity{Base: weights{"other", "22"}} // another model is open by now
	do(a, func() { a.Bring(a.library.list[0].ID) })
	wait(t, a, "the model", func() bool { return a.run.phase == idle && a.run.told })
	do(a, func() {
		r := &a.run
		if a.fault != nil || r.fit == nil || r.fit.ID != 21 || r.instruction != "Say it." || len(r.scores) != 2 || r.chart == "" || r.heat == "" || r.keptAs == "" || a.Unsaved() {
			t.Errorf("got the fault %v, the run %+v", a.fault, r)
		}
	})
	if n, o := f.calls("open"); n != 2 || !strings.Contains(o, "tiny.gguf") {
		t.Errorf("opened %d times, last %s", n, o)
	}
	if _, o := f.calls("restore"); !strings.Contains(o, `"id":"`) {
		t.Errorf("restored %s", o)
	}
	f.open = f.needs
	do(a, func() { a.ExportKept(a.library.list[0].ID) })
	wait(t, a, "the export", func() bool { return len(p.saved) == 1 })
	do(a, func() { a.Bring(a.library.list[0].ID) })
	wait(t, a, "the second", func() bool { return a.run.phase == idle && a.run.fit != nil && a.run.fit.ID == 22 })
	wait(t, a, "the first to be freed", func() bool { n, o := f.calls("free"); return n == 1 && o == `{"id":21}` })
}

// A fine-tune for what the page does not have is refused by name, and the
// result that is shown stays.
func TestBringForAnotherBase(t *testing.T) {
	a, _, f, _ := keptOne(t)
	do(a, func() {
		a.library.list[0].Card.Base = weights{"Larger", strings.Repeat("e", 64)}
		a.Bring(a.library.list[0].ID)
	})
	wait(t, a, "the fault", func() bool { return a.fault != nil && a.run.phase == idle })
	do(a, func() {
		if !strings.Contains(a.fault.Msg, "made for the base Larger with the skills skills") || a.run.fit == nil || a.run.fit.ID != 5 || a.run.told {
			t.Errorf("got the fault %v, the fit %v", a.fault, a.run.fit)
		}
	})
	if n, _ := f.calls("restore"); n != 0 {
		t.Error("it was restored")
	}
}

func TestCompareTwo(t *testing.T) {
	a, _, f, _ := keptOne(t)
	adapted(t, a, "z")
	wait(t, a, "both", func() bool { return len(a.library.list) == 2 })
	do(a, func() {
		for _, k := range a.library.list {
			a.Pick(k.ID)
		}
		a.Pick("a third")
		a.Typed(heldID, "five => a\nsix => b")
		if w := a.whyNoCompare(); w != "" || len(a.library.picked) != 2 {
			t.Errorf("can't compare %v: %s", a.library.picked, w)
		}
		a.Compare()
	})
	wait(t, a, "the comparison", func() bool { return a.run.phase == idle && a.run.other != nil })
	do(a, func() {
		r := &a.run
		lines := r.scoreTable()
		if a.fault != nil || len(lines) != 3 || lines[1].name != r.name || lines[2].name != r.otherName || !lines[2].best {
			t.Errorf("got the fault %v, the table %+v", a.fault, lines)
		}
		if want := "on 2 test rows " + r.name + " may be worse than " + r.otherName + ": balanced accuracy 50% against 75%"; a.verdict() != want {
			t.Errorf("got the verdict %q, want %q", a.verdict(), want)
		}
		if rows, _ := r.outcomes(); len(rows) != 1 || rows[0].base != "said 1" || rows[0].adapted != "said 2" || rows[0].other != "said 3" {
			t.Errorf("got the rows %+v", rows)
		}
		a.Typed(promptID, "x")
		a.Try()
	})
	wait(t, a, "the answers", func() bool { return !a.try.running })
	do(a, func() {
		if x := a.try.answers; len(x) != 3 || x[0].shown() != "by 21" || x[1].shown() != "by 22" || x[2].shown() != "by base" {
			t.Errorf("got the answers %+v", x)
		}
		a.Pick(a.library.picked[1])
		a.library.list[0].Card.Base.SHA256 = "22"
		a.library.picked = []string{a.library.list[0].ID, a.library.list[1].ID}
		if w := a.whyNoCompare(); w != "These two have different bases." {
			t.Errorf("different bases: %q", w)
		}
	})
	if n, o := f.calls("evaluate"); n != 3 || strings.Contains(o, "instruction") || !strings.Contains(o, `"adapter":22`) {
		t.Errorf("judged %d times, last %s", n, o)
	}
}

func TestShare(t *testing.T) {
	a, p, f, _ := keptOne(t)
	do(a, func() {
		a.Share()
		a.Share() // a double click
	})
	wait(t, a, "the link", func() bool { return a.run.link != "" })
	do(a, func() {
		const link = "https://page.test/#h1.abc"
		if p.copied != link || p.texts[linkID] != link || !strings.HasPrefix(a.run.shareSays, "25 characters of link, copied. ") || a.said != a.run.shareSays {
			t.Errorf("copied %q, says %q", p.copied, a.run.shareSays)
		}
	})
	if n, o := f.calls("share"); n != 1 || !strings.Contains(o, `"name":"Fine-tune"`) || strings.Contains(o, "examples") {
		t.Errorf("shared %d times: %s", n, o)
	}
	if n, _ := f.calls("agreement"); n != 0 {
		t.Error("a fine link was judged")
	}
	f.levels = 50
	do(a, a.Share)
	wait(t, a, "the agreement", func() bool {
		return strings.HasSuffix(a.run.shareSays, "with each weight within 2.0%. Of its 40 held-out rows, it gives the same answer to 39.")
	})
	if _, o := f.calls("agreement"); o != `{"id":5,"code":"h1.abc"}` {
		t.Errorf("judged %s", o)
	}
	p.noClipboard = errors.New("no clipboard")
	do(a, a.Share)
	wait(t, a, "the words", func() bool { return strings.Contains(a.run.shareSays, "copy it from the field") })
	f.large = true
	do(a, a.Share)
	wait(t, a, "the file", func() bool {
		return a.run.link == "" && strings.HasPrefix(a.run.shareSays, "Too large for a link: saved as Fine-tune.handful")
	})
	if p.saved["Fine-tune.handful"] == nil {
		t.Errorf("saved %v", p.saved)
	}
}

// A link is shown before anything is loaded for it, in the one engine that the
// model is then opened in.
func TestOpenLink(t *testing.T) {
	a, p, f := newTest(t)
	f.needs.Inventory = &weights{"skills", "11"}
	do(a, func() { a.OpenLink("h1.abc") })
	wait(t, a, "the card", func() bool { return a.link.given != nil })
	do(a, func() {
		if a.said != "A fine-tune was shared with you: theirs" || a.run.method != "" || !strings.HasPrefix(a.link.what(), "“theirs”: MHR-z on Tiny with the skills skills, made ") {
			t.Errorf("said %q, what %q", a.said, a.link.what())
		}
		if got := a.linkNeeds(); !strings.Contains(got, "does not have") {
			t.Errorf("the skills are nobody's, and it needs: %q", got)
		}
		a.LoadLink()
	})
	wait(t, a, "the refusal", func() bool { return a.fault != nil && a.run.phase == idle })
	do(a, func() {
		if !strings.Contains(a.fault.Msg, "the base Tiny with the skills skills") || a.run.method != "" || a.link.given == nil {
			t.Errorf("got the fault %v", a.fault)
		}
		a.link.given.card.Inventory = &weights{"skills", inventories[0].SHA256}
		if got := a.linkNeeds(); !strings.Contains(got, "28 MB") {
			t.Errorf("it needs: %q", got)
		}
		a.LoadLink()
	})
	wait(t, a, "the fine-tune", func() bool { return a.run.phase == idle && a.run.fit != nil })
	do(a, func() {
		if a.fault != nil || a.examples.text != "two => b" || a.examples.instruction != "Say it." || a.run.keptAs != "" || a.Unsaved() {
			t.Errorf("got the fault %v, examples %q, kept %q", a.fault, a.examples.text, a.run.keptAs)
		}
		a.Keep()
	})
	wait(t, a, "the keeping", func() bool {
		return a.run.keptAs != "" && len(a.library.list) == 1 && a.library.list[0].Name == "theirs"
	})
	if f.dials != 1 {
		t.Errorf("%d engines, want one", f.dials)
	}
	if a.link.given != nil || p.dropped {
		t.Error("it is still offered, or is off the address")
	}
	do(a, func() { a.OpenLink("h1.other") })
	wait(t, a, "the card", func() bool { return a.link.given != nil })
	do(a, a.DropLink)
	if !p.dropped || a.link.given != nil {
		t.Error("the link is still there")
	}
}

func TestFault40JunkLinks(t *testing.T) {
	a, _, f := newTest(t)
	for _, junk := range []string{"about", "h1", "<img src=x>", "javascript:alert(1)", strings.Repeat("x", 1<<20), "h1." + strings.Repeat("A", 1<<20)} {
		do(a, func() { a.OpenLink(junk) })
		do(a, func() {
			if a.fault == nil || a.fault.Op != "link" || len(a.fault.Error()) > 200 || a.link.given != nil || a.link.reading {
				t.Errorf("%.20q: got the fault %v", junk, a.fault)
			}
			a.Dismiss()
		})
	}
	if f.dials != 0 {
		t.Error("an engine was started for them")
	}
	do(a, func() { a.OpenLink("h1.junk") })
	wait(t, a, "the fault", func() bool { return a.fault != nil })
	do(a, func() {
		if a.link.given != nil || a.link.reading || a.whyNot() != "Add examples in step 2." {
			t.Error("a damaged link has changed something")
		}
		a.OpenLink("")
	})
	adapted(t, a, "mu") // in the engine that was started
	if f.dials != 1 {
		t.Errorf("%d engines, want one", f.dials)
	}
}

func TestDroppedFile(t *testing.T) {
	a, _, _ := newTest(t)
	do(a, func() { a.TakeFiles([]file{{name: "spam.handful", size: 9, blob: "bytes"}}) })
	wait(t, a, "the card", func() bool { return a.link.given != nil && a.link.given.file == "bytes" })
	do(a, func() {
		if a.model.base != "tiny" || len(a.model.baseFiles) > 0 {
			t.Error("it was taken for a model")
		}
	})
}

func TestFileNames(t *testing.T) {
	for in, want := range map[string]string{"walk → walks": "walk-walks", "../../etc/passwd": "etc-passwd", "<>": "fine-tune", "": "fine-tune", "Größe 2": "Größe-2", strings.Repeat("a", 99): strings.Repeat("a", 40)} {
		if got := fileName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
