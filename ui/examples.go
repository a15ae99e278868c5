package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// The text fields that a person types in: their ids.
const (
	examplesID    = "examples"
	heldID        = "held"
	instructionID = "instruction"
	promptID      = "prompt"
)

// pause is how long typing must rest before examples are looked at.
const pause = 250 * time.Millisecond

// sampleSet is a small task to try the page with. Those of the pocket model
// are its own: it was never trained on them, and other tasks are beyond it.
type sampleSet struct {
	ID, Name, Instruction string
	Pocket                bool
}

var sampleSets = []sampleSet{
	{"sms_spam", "SMS spam", "Is this SMS spam or ham?", false},
	{"wn_verb_supersense", "Verb meanings", "Category of this verb.", false},
	{"verb_s", "walk → walks", "", true},
	{"adj_most", "big → biggest", "", true},
	{"list_second", "second of a list", "", true},
	{"word_first_upper", "cat → C", "", true},
}

// file is the path of a part of the set, relative to the page.
func (s sampleSet) file(part string) string {
	if s.Pocket {
		return samplesPath + s.ID + "." + part + ".txt"
	}
	return samplesPath + s.ID + "." + part + ".jsonl"
}

// samples are those for the chosen base.
func (a *App) samples() (out []sampleSet) {
	for _, s := range sampleSets {
		if s.Pocket == (a.model.base == pocket.ID) {
			out = append(out, s)
		}
	}
	return out
}

const samplesPath = "samples/"

type examplesState struct {
	text, held, instruction string
	sample                  sampleSet // that was loaded last
	sampleText              string    // its examples
	shots                   int       // of the preview that is awaited; older ones are dropped
	seen                    *preview
	heldSeen                *preview
	waiting                 bool // seen is not of the newest text
	row                     int  // that is shown as the model sees it, from 0
	mapping                 mapping
}

// Typed takes what stands in a text field now.
func (a *App) Typed(id, text string) {
	switch id {
	case examplesID:
		a.examples.text = text
	case heldID:
		a.examples.held = text
	case instructionID:
		a.examples.instruction = text
	case promptID:
		a.try.prompt = text
		return
	case renameID:
		a.library.newName = text
		return
	default:
		return
	}
	a.lookAt()
}

// LoadSample puts a sample set into the fields.
func (a *App) LoadSample(s sampleSet) {
	go func() {
		ctx := context.Background()
		train, err := a.page.Get(ctx, s.file("train"))
		var held []byte
		if err == nil {
			held, err = a.page.Get(ctx, s.file("held"))
		}
		a.page.Update(func() {
			if err != nil {
				a.show("samples", err)
				return
			}
			a.setExamples(string(train), string(held), s.Instruction)
			a.examples.sample, a.examples.sampleText = s, string(train)
			a.say(s.Name + " is in the examples")
		})
	}()
}

// dropSample takes a sample of the page away that was not made for the chosen
// base. What a person typed stays.
func (a *App) dropSample() {
	e := &a.examples
	if e.sampleText != "" && e.text == e.sampleText && !slices.Contains(a.samples(), e.sample) {
		a.setExamples("", "", "")
	}
}

// TakeText puts a dropped file of examples into its field.
func (a *App) TakeText(id, text string) {
	if id == heldID {
		a.setExamples(a.examples.text, text, a.examples.instruction)
		return
	}
	a.setExamples(text, a.examples.held, a.examples.instruction)
}

func (a *App) setExamples(text, held, instruction string) {
	a.examples.text, a.examples.held, a.examples.instruction = text, held, instruction
	a.page.SetText(examplesID, text)
	a.page.SetText(heldID, held)
	a.page.SetText(instructionID, instruction)
	a.lookAt()
}

// lookAt has the engine read the examples once typing rests. Without an open
// model there is nothing that could: the page counts lines then.
func (a *App) lookAt() {
	e := &a.examples
	e.shots++
	shot := e.shots
	if e.waiting = a.model.info != nil; !e.waiting {
		e.seen, e.heldSeen = nil, nil
		return
	}
	go func() {
		time.Sleep(pause)
		a.preview(shot)
	}()
}

// preview asks for what lookAt wanted, unless something newer is wanted.
func (a *App) preview(shot int) {
	var stale bool
	var texts [2]string
	var instruction string
	var client *rpc.Client
	var row int
	a.page.Update(func() {
		row = a.examples.row
		stale = shot != a.examples.shots || a.client == nil
		texts = [2]string{a.examples.text, a.examples.held}
		instruction, client = a.examples.instruction, a.client
	})
	if stale {
		return
	}
	var seen [2]*preview
	var err error
	for i, text := range texts {
		if strings.TrimSpace(text) == "" || err != nil {
			continue
		}
		seen[i], err = ask(context.Background(), client, text, instruction, row)
		row = 0
	}
	a.page.Update(func() {
		if shot != a.examples.shots {
			return
		}
		a.examples.waiting = false
		if err != nil {
			a.show("preview", err)
			return
		}
		a.examples.seen, a.examples.heldSeen = seen[0], seen[1]
		a.examples.mapping.guess(a.examples.columns())
	})
}

// ask has the engine read examples.
func ask(ctx context.Context, client *rpc.Client, examples, instruction string, row int) (*preview, error) {
	raw, _, err := client.Call(ctx, "preview", previewOptions{examples, instruction, row}, nil, nil)
	if err != nil {
		return nil, err
	}
	p := new(preview)
	if json.Unmarshal(raw, p) != nil {
		return nil, fault.New(fault.Bug, "preview", "got an answer that is not understood")
	}
	return p, nil
}

// lines counts the lines that hold something.
func lines(text string) int {
	n := 0
	for l := range strings.Lines(text) {
		if strings.TrimSpace(l) != "" {
			n++
		}
	}
	return n
}

// rows is how many examples there are, as far as is known.
func (e *examplesState) rows() int {
	if e.seen != nil {
		return e.seen.Rows
	}
	return lines(e.text)
}

// status is one line on the examples.
func (e *examplesState) status(open bool) string {
	switch p := e.seen; {
	case strings.TrimSpace(e.text) == "":
		return "No examples yet."
	case p == nil && open:
		return "Reading …"
	case p == nil:
		return plural(lines(e.text), "line") + ", checked once the model is loaded."
	default:
		s := plural(p.Rows, "example")
		if p.Format != "" {
			s += " (" + formatNames[p.Format] + ")"
		}
		if p.Rows > 0 && p.Tokens > 0 {
			s += fmt.Sprintf(", %s in all, the longest has %s", plural(p.Tokens, "token"), countText(int64(p.Longest)))
		}
		return s + "."
	}
}

var formatNames = map[string]string{"jsonl": "JSONL", "json": "JSON", "csv": "CSV", "tsv": "TSV", "lines": "text => label"}

// heldStatus is one line on the test rows.
func (e *examplesState) heldStatus() string {
	switch {
	case strings.TrimSpace(e.held) == "":
		return "none: a part of the examples is held out"
	case e.heldSeen == nil:
		return plural(lines(e.held), "line")
	}
	return plural(e.heldSeen.Rows, "row")
}

// bar is one label's share of the examples.
type bar struct {
	label   string
	n       int
	text    string // what stands behind the bar
	percent int    // of the whole bar
}

const mostBars = 12

// balance counts labels, the commonest first; more says how many are not
// listed. Where nearly every row has a label of its own there are no classes.
func balance(labels map[string]int) (bars []bar, more int) {
	total := 0
	for l, n := range labels {
		bars = append(bars, bar{label: l, n: n})
		total += n
	}
	if len(bars) < 2 || total < len(bars)*3/2 {
		return nil, 0
	}
	sort.Slice(bars, func(i, j int) bool {
		if bars[i].n != bars[j].n {
			return bars[i].n > bars[j].n
		}
		return bars[i].label < bars[j].label
	})
	for i := range bars {
		bars[i].percent, bars[i].text = 100*bars[i].n/bars[0].n, countText(int64(bars[i].n))
	}
	if len(bars) > mostBars {
		bars, more = bars[:mostBars], len(bars)-mostBars
	}
	return bars, more
}

const mostNotes = 20

// faults are the lines that can't be read, those of the test rows behind.
func (e *examplesState) faults() (out []string) {
	list := func(p *preview, where string) {
		if p == nil {
			return
		}
		for _, f := range p.Faults {
			s := where + f.Msg
			if f.Hint != "" {
				s += "; " + f.Hint
			}
			out = append(out, clip(s, 400))
		}
	}
	list(e.seen, "")
	list(e.heldSeen, "test rows: ")
	return out
}

// notes are hints, and rows that will be cut.
func (e *examplesState) notes() (out []string) {
	for _, p := range []*preview{e.seen, e.heldSeen} {
		if p == nil {
			continue
		}
		for _, h := range p.Hints {
			out = append(out, clip(h, 400))
		}
		for _, c := range p.Cut {
			out = append(out, fmt.Sprintf("Line %d is longer than the model's context: %s will be cut from the front of its input.", c.Line, plural(c.Tokens, "token")))
		}
	}
	return out
}

// few keeps the first notes and says how many there are besides.
func few(notes []string) []string {
	if len(notes) <= mostNotes {
		return notes
	}
	return append(notes[:mostNotes:mostNotes], fmt.Sprintf("and %d more", len(notes)-mostNotes))
}
