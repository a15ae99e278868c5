package ui

import (
	"slices"

	"github.com/vugu/vugu"
)

// Root is the page's outermost component. The others are its sections, from
// top to bottom; each shows a part of App. This file holds what a component
// needs beside App's own methods.
type Root struct{ App *App }

// FaultBox tells of a fault and what to do next.
type FaultBox struct{ App *App }

// UpdateBar tells that a newer version of the page is there.
type UpdateBar struct{ App *App }

// ModelPanel is where a model and its skills are chosen.
type ModelPanel struct{ App *App }

// StorePanel shows what is kept in this browser.
type StorePanel struct{ App *App }

// ExamplesPanel takes the examples.
type ExamplesPanel struct{ App *App }

// MethodPanel takes the settings; Adapt and Stop are here.
type MethodPanel struct{ App *App }

// ProgressBar shows how far loading or training is.
type ProgressBar struct{ App *App }

// BarList is bars under a title, nothing where there are none. Name is its id.
type BarList struct {
	Name, Title, Hint string
	Bars              []bar
}

// ResumePanel offers runs that were broken off.
type ResumePanel struct{ App *App }

// RunPanel shows the run: its plan and loss.
type RunPanel struct{ App *App }

// ScorePanel shows how good the result is; Export is here.
type ScorePanel struct{ App *App }

// RoutingPanel shows which skills the result mixes.
type RoutingPanel struct{ App *App }

// TryPanel asks the models.
type TryPanel struct{ App *App }

// LibraryPanel lists what is kept.
type LibraryPanel struct{ App *App }

// LinkPanel offers what a link or a file brought.
type LinkPanel struct{ App *App }

// DiagnosisPanel tells what the browser offers, and tests the device.
type DiagnosisPanel struct{ App *App }

// attach adds a child; trim puts it into the generated code.
//
//go:noinline
func attach(parent, child *vugu.VGNode) { parent.AppendChild(child) }

// value is what stands in the control that an event is of.
func value(e vugu.DOMEvent) string { return e.PropString("target", "value") }

// fold handles a click on a fold's summary: App keeps which folds are open,
// for a render would close what the browser opened by itself.
func fold(a *App, name string, e vugu.DOMEvent) {
	e.PreventDefault()
	a.Fold(name)
}

func (c *Root) deviceName() string { name, _ := c.App.model.deviceText(); return name }

func (c *Root) deviceWhy() string {
	_, why := c.App.model.deviceText()
	return sentence(clip(why, 400))
}

func (c *Root) private() string { return c.App.offline.promise() }

// hint is the next step as a sentence.
func (c *FaultBox) hint() string { return sentence(clip(c.App.fault.Hint, 400)) }

func (c *ModelPanel) ownBase() string { return ownLabel("Your own files", c.App.model.baseFiles) }

func (c *ModelPanel) ownInventory() string { return ownLabel("Your own files", c.App.model.invFiles) }

func (c *ProgressBar) words() string { _, w := c.App.progress(); return w }

// now is empty where nobody knows how far it is.
func (c *ProgressBar) now() *int {
	p, _ := c.App.progress()
	if p < 0 {
		return nil
	}
	return &p
}

func (c *ProgressBar) width() int {
	p, _ := c.App.progress()
	if p < 0 {
		return 100
	}
	return p
}

func (c *ProgressBar) class() string {
	if p, _ := c.App.progress(); p < 0 {
		return "bar unknown"
	}
	return "bar"
}

// placeholder shows what rows look like, of a task for the chosen base.
func (c *ExamplesPanel) placeholder() string {
	if c.App.model.base == pocket.ID {
		return "walk => walks\ntry => tries"
	}
	return "Your parcel is waiting, reply with your PIN => spam\nSee you at seven? => ham"
}

func (c *ExamplesPanel) instruction() string {
	if c.App.model.base == pocket.ID {
		return ""
	}
	return sampleSets[0].Instruction
}

const heldPlaceholder = "The same formats as above."

func (c *ExamplesPanel) prompt() string {
	if c.App.examples.seen == nil {
		return ""
	}
	return clip(c.App.examples.seen.Prompt, 3000)
}

// rows are those of the open fold, of which there are many to draw.
func (c *ExamplesPanel) rows() []previewRow {
	if c.App.examples.seen == nil || !c.App.folds["prompt"] {
		return nil
	}
	return c.App.examples.seen.Table
}

// shownRow says what of the shown row is learned.
func (c *ExamplesPanel) shownRow() string {
	p := c.App.examples.seen
	if p == nil || p.Chosen >= len(p.Table) {
		return ""
	}
	r := p.Table[p.Chosen]
	s := "Line " + countText(int64(r.Line)) + ": " + plural(r.Tokens, "token") + ", of which the last " + countText(int64(r.Learn)) + " are learned"
	if r.Cut > 0 {
		s += "; " + plural(r.Cut, "token") + " cut from the front of its input"
	}
	return s + "."
}

func (c *ExamplesPanel) columns() *columns { return c.App.examples.columns() }

// names are the columns to choose from.
func (c *ExamplesPanel) names() []string {
	if t := c.columns(); t != nil {
		return t.Names
	}
	return nil
}

// column is one of them with what its first row holds.
func (c *ExamplesPanel) column(i int) string {
	t := c.columns()
	s := clip(t.Names[i], 40)
	if i < len(t.Sample) && t.Sample[i] != "" {
		s += ": " + clip(t.Sample[i], 30)
	}
	return s
}

// lineClass marks a row that will be cut.
func lineClass(r previewRow) string {
	if r.Cut > 0 {
		return "cut"
	}
	return ""
}

func cutText(n int) string {
	if n == 0 {
		return ""
	}
	return countText(int64(n)) + " cut"
}

func (c *ExamplesPanel) bars() []bar {
	if c.App.examples.seen == nil {
		return nil
	}
	b, _ := balance(c.App.examples.seen.Labels)
	return b
}

// more counts the labels that bars leaves out, "" for none.
func (c *ExamplesPanel) more() string {
	if c.App.examples.seen == nil {
		return ""
	}
	if _, n := balance(c.App.examples.seen.Labels); n > 0 {
		return "and " + plural(n, "label") + " more"
	}
	return ""
}

// why says what Adapt waits for, or what it will do.
func (c *MethodPanel) why() string {
	if w := c.App.whyNot(); w != "" {
		return w
	}
	if !c.App.model.open() {
		return "Loads the model first."
	}
	return ""
}

// low is what a setting's field takes at least.
func (c *MethodPanel) low(x setting) int { return int(x.Low) }

func (c *ResumePanel) shown() bool { return len(c.App.broken) > 0 }

// begun tells that there is, or will be, something to show.
func (c *RunPanel) begun() bool { return c.App.run.method != "" }

// quick is how to see the page at work within seconds.
func (c *RunPanel) quick() string {
	if c.App.model.base == pocket.ID {
		return "New here? Click a sample in step 2, then Adapt: it takes seconds."
	}
	return "New here? Choose Pocket in step 1, a sample in step 2, then Adapt: it takes seconds."
}

func (c *RunPanel) planned() string {
	if r := &c.App.run; r.plan == nil && r.phase != idle && !r.told {
		return "Reading the rows …" // its room is kept, so that nothing moves later
	}
	return c.App.run.planText()
}

// charted tells that there is, or soon will be, a chart.
func (c *RunPanel) charted() bool {
	r := &c.App.run
	return r.chart != "" || r.phase != idle && !r.told
}

func (c *RunPanel) hints() []string {
	if c.App.run.plan == nil {
		return nil
	}
	return few(c.App.run.plan.Hints)
}

func (c *ScorePanel) shown() bool { return len(c.App.run.scores) > 0 || c.App.run.fit != nil }

func (c *ScorePanel) verdict() string {
	if c.App.run.phase != idle {
		return "Scoring …"
	}
	return sentence(c.App.verdict()) + " " + c.App.summary()
}

func (c *ScorePanel) outcomes() []outcome {
	out, _ := c.App.run.outcomes()
	return out
}

func (c *ScorePanel) more() int {
	_, more := c.App.run.outcomes()
	return more
}

// judged are the models whose answers row by row are known.
func (c *ScorePanel) judged() (out []scoreRow) {
	for _, s := range c.App.run.scores {
		if len(s.Rows) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (c *ScorePanel) confusedBy() string {
	if by := c.App.run.confusedBy; c.App.run.score(by) != nil {
		return by
	}
	return "adapted"
}

func (c *ScorePanel) errors() string {
	wrong, of := c.App.run.errors()
	return plural(wrong, "error") + " in " + plural(of, "row")
}

func (c *ScorePanel) says() string {
	switch {
	case c.App.run.fit == nil && c.App.run.phase == idle && c.App.run.keptAs != "":
		return "It is gone with the engine, and kept below: open it there."
	case c.App.run.fit == nil && c.App.run.phase == idle:
		return "It is gone with the engine: adapt again."
	case c.App.run.exporting:
		return "Writing …"
	case c.App.run.exported && c.App.run.format == "":
		return "Saved. It opens in PEFT with PeftModel.from_pretrained."
	case c.App.run.exported:
		return "Saved."
	case c.App.run.other != nil:
		return "Export and Share take " + c.App.run.called("adapted") + "."
	}
	for _, f := range exportFormats {
		if f.id == c.App.run.format {
			return f.says
		}
	}
	return ""
}

func (c *ScorePanel) title() string {
	switch c.App.run.judged {
	case "":
		if c.App.run.told && c.App.run.keptAs == "" {
			return "As measured where it was made"
		}
		return "On rows it has not seen"
	case "example":
		return "On your examples, which they may have learned from"
	}
	return "On the test rows"
}

func (c *ScorePanel) shareSays() string {
	switch r := &c.App.run; {
	case r.sharing:
		return "Writing …"
	case r.shareSays != "":
		return r.shareSays
	case r.method == "z":
		return "Share makes a link that holds the whole fine-tune."
	}
	return "Share saves a file to send: only MHR-z is small enough for a link."
}

func (c *LibraryPanel) shown() bool {
	l := &c.App.library
	return len(l.list) > 0 || l.gone != nil || l.where == "memory" && c.App.run.fit != nil
}

func (c *LibraryPanel) label(k kept) string { return clip(k.Name, mostName) }

func (c *LibraryPanel) picked(k kept) bool { return slices.Contains(c.App.library.picked, k.ID) }

func (c *LibraryPanel) full(k kept) bool {
	return len(c.App.library.picked) >= mostPicked && !c.picked(k)
}

func (c *LibraryPanel) gone() string { return clip(c.App.library.gone.Name, mostName) + " is deleted." }

func (c *DiagnosisPanel) looks() string {
	switch d := &c.App.check; {
	case d.why != "":
		return sentence(clip(d.why, 300))
	case d.found == nil:
		return "Looking …"
	}
	return "Nothing of this leaves the browser unless you copy it."
}

func (c *DiagnosisPanel) doing() string {
	t := &c.App.check.test
	switch {
	case t.stop != nil:
		return t.doing + " …"
	case len(t.results) > 0:
		return t.verdict()
	}
	return ""
}

func (c *DiagnosisPanel) copied() string {
	if c.App.busy() && c.App.check.copied == "" {
		return "The self-test waits for what is running."
	}
	return c.App.check.copied
}

func (c *DiagnosisPanel) class(r testResult) string { return rightClass(r.passed() || r.Skipped != "") }

func (c *DiagnosisPanel) mark(r testResult) string {
	if r.Skipped != "" {
		return "–"
	}
	return mark(r.passed())
}

func (c *DiagnosisPanel) report() string { return clip(c.App.report(), 6000) }
