package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// Store is where a browser keeps adapters: bytes and a note (JSON) about them,
// by the sha256 of the bytes. Its methods block.
type Store interface {
	Where() string // files, database; memory: only until the page is left
	Notes() ([]string, error)
	Put(id, note string, bytes rpc.Blob) error
	Note(id, note string) error
	Get(id string) (rpc.Blob, error)
	Remove(id string) error
}

// kept is an adapter in the library.
type kept struct {
	packed
	Name string `json:"name"`
	Made string `json:"made"` // RFC 3339
}

type libraryState struct {
	where    string // "" until it is known
	list     []kept // the newest first
	picked   []string
	renaming string // id
	newName  string
	gone     *kept // deleted last
	bytes    rpc.Blob
	back     bool // bytes are there: it can come back
	busy     bool
}

const (
	renameID   = "rename"
	mostPicked = 2
	mostName   = 80 // characters
)

// isID tells a sha256 in hex.
func isID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// findKept reads what the browser keeps. A note that is not understood is no
// adapter's.
func (a *App) findKept() {
	notes, err := a.shelf.Notes()
	var list []kept
	for _, n := range notes {
		var k kept
		if json.Unmarshal([]byte(n), &k) == nil && isID(k.ID) {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, func(x, y kept) int { return strings.Compare(y.Made, x.Made) })
	a.page.Update(func() {
		a.library.where = a.shelf.Where()
		if err != nil {
			a.show("library", err)
			return
		}
		a.library.list = list
		a.library.picked = slices.DeleteFunc(a.library.picked, func(id string) bool { return a.library.find(id) == nil })
	})
}

func (l *libraryState) find(id string) *kept {
	for i := range l.list {
		if l.list[i].ID == id {
			return &l.list[i]
		}
	}
	return nil
}

// lasts tells that what is kept is still there on the next visit.
func (l *libraryState) lasts() bool { return l.where == "files" || l.where == "database" }

// shareOptions describe the fine-tune that is shown.
func (a *App) shareOptions() shareOptions {
	o := shareOptions{ID: a.run.fit.ID, Name: a.run.name, Made: time.Now().UTC().Format(time.RFC3339), Base: a.model.name(), Examples: a.withExamples}
	if i := a.model.info.Inventory; i != nil {
		o.Inventory = i.Name
	}
	return o
}

// packOf has the engine write a .handful file.
func packOf(client *rpc.Client, o shareOptions) (p packed, bytes rpc.Blob, err error) {
	raw, blobs, err := client.Call(context.Background(), "pack", o, nil, nil)
	if err != nil {
		return p, bytes, err
	}
	if json.Unmarshal(raw, &p) != nil || len(blobs) != 1 || !isID(p.ID) {
		return p, bytes, fault.New(fault.Bug, "pack", "got an answer that is not understood")
	}
	return p, blobs[0], nil
}

// Keep puts the fine-tune that is shown into the library. Training does so at
// its end; what came by a link is kept when the person says so.
func (a *App) Keep() {
	f := a.run.fit
	if f == nil || a.run.keeping || a.run.keptAs != "" {
		return
	}
	a.run.keeping = true
	client, o := a.client, a.shareOptions()
	go func() {
		p, bytes, err := packOf(client, o)
		k := kept{packed: p, Name: o.Name, Made: o.Made}
		if err == nil {
			err = a.shelf.Put(k.ID, k.note(), bytes)
		}
		if err == nil {
			a.findKept()
		}
		a.page.Update(func() {
			if a.run.fit == f {
				a.run.keeping = false
				if err == nil {
					a.run.keptAs = k.ID
					a.run.saved = a.run.saved || a.library.lasts()
				}
			}
			if err != nil {
				a.show("keep", err)
			}
		})
	}()
}

func (k *kept) note() string {
	b, err := json.Marshal(k)
	if err != nil {
		return "" // its types can be encoded, unless a score is no number
	}
	return string(b)
}

// Bring shows a kept fine-tune, as if it had just been trained.
func (a *App) Bring(id string) { a.bring(id, func() {}) }

// ExportKept saves a kept fine-tune as a zip. What is in it is written with the
// base and the skills, so they are opened.
func (a *App) ExportKept(id string) {
	if a.run.fit != nil && a.run.other == nil && a.run.keptAs == id {
		a.Export()
		return
	}
	a.bring(id, a.Export)
}

func (a *App) bring(id string, after func()) {
	if k := a.library.find(id); k != nil {
		g := given{kept: k.ID, name: k.Name, card: k.Card}
		a.restore([]given{g}, a.one(g), after)
	}
}

// Rename begins to rename.
func (a *App) Rename(id string) {
	if k := a.library.find(id); k != nil {
		a.library.renaming, a.library.newName = id, k.Name
		a.page.Edit(renameID, k.Name)
	}
}

// Renamed ends renaming.
func (a *App) Renamed(take bool) {
	l := &a.library
	k, name := l.find(l.renaming), strings.Join(strings.Fields(l.newName), " ")
	if k != nil {
		a.page.Focus("rename-" + k.ID)
	}
	l.renaming = ""
	if k == nil || !take || name == "" || name == k.Name {
		return
	}
	k.Name = clip(name, mostName)
	if a.run.keptAs == k.ID {
		a.run.name = k.Name
	}
	id, note := k.ID, k.note()
	go func() {
		if err := a.shelf.Note(id, note); err != nil {
			a.page.Update(func() { a.show("rename", err) })
		}
	}()
	a.say("Renamed to " + k.Name)
}

// Delete takes an adapter out of the library. Undo brings it back, until the
// next one is deleted or the page is left.
func (a *App) Delete(id string) {
	k := a.library.find(id)
	if k == nil || a.library.busy {
		return
	}
	gone := *k
	a.library.busy = true
	go func() {
		bytes, lost := a.shelf.Get(id) // what is damaged can go, and not come back
		err := a.shelf.Remove(id)
		a.findKept()
		a.page.Update(func() {
			l := &a.library
			l.busy = false
			if err != nil {
				a.show("delete", err)
				return
			}
			l.gone, l.bytes, l.back = &gone, bytes, lost == nil
			if a.run.keptAs == id {
				a.run.keptAs = ""
			}
			a.page.Focus("undo") // its own button has gone
			a.say("Deleted " + gone.Name)
		})
	}()
}

// Undo brings back what was deleted last.
func (a *App) Undo() {
	l := &a.library
	if l.gone == nil || !l.back || l.busy {
		return
	}
	k, bytes := *l.gone, l.bytes
	l.busy = true
	go func() {
		err := a.shelf.Put(k.ID, k.note(), bytes)
		a.findKept()
		a.page.Update(func() {
			l.busy = false
			if err != nil {
				a.show("undo", err)
				return
			}
			l.gone, l.back = nil, false
			a.page.Focus("open-" + k.ID)
			a.say(k.Name + " is back")
		})
	}()
}

// Pick chooses an adapter to compare, or lets it go.
func (a *App) Pick(id string) {
	l := &a.library
	if i := slices.Index(l.picked, id); i >= 0 {
		l.picked = slices.Delete(l.picked, i, i+1)
	} else if len(l.picked) < mostPicked {
		l.picked = append(l.picked, id)
	}
}

// suggestName is what a fine-tune on these examples may be called: as its
// sample, else by its instruction or its labels.
func (a *App) suggestName() string {
	e := &a.examples
	name := "Fine-tune"
	switch {
	case e.sampleText != "" && e.text == e.sampleText:
		name = e.sample.Name
	case strings.TrimSpace(e.instruction) != "":
		name = clip(strings.Join(strings.Fields(e.instruction), " "), 60)
	case e.seen != nil:
		if bars, more := balance(e.seen.Labels); more == 0 && len(bars) > 1 && len(bars) < 5 {
			var labels []string
			for _, b := range bars {
				labels = append(labels, clip(b.label, 20))
			}
			slices.Sort(labels)
			name = strings.Join(labels, " / ")
		}
	}
	taken := func(n string) bool {
		return a.run.fit != nil && a.run.name == n || slices.ContainsFunc(a.library.list, func(k kept) bool { return k.Name == n })
	}
	for i := 2; taken(name); i++ {
		if next := fmt.Sprintf("%s (%d)", strings.TrimSuffix(name, fmt.Sprintf(" (%d)", i-1)), i); next != name {
			name = next
		}
	}
	return name
}

// fileName is a name as files are called.
func fileName(name string) string {
	words := strings.FieldsFunc(clip(name, 40), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "fine-tune"
	}
	return strings.Join(words, "-")
}

var methodNames = map[string]string{"z": "MHR-z", "mu": "MHR-µ", "lora": "LoRA", "ia3": "(IA)³"}

// short is a method's name.
func short(method string) string {
	if n := methodNames[method]; n != "" {
		return n
	}
	return clip(method, 20)
}

// day is a date as people read it, in their time.
func day(made string) string {
	t, err := time.Parse(time.RFC3339, made)
	if err != nil {
		return ""
	}
	return t.Local().Format("2 Jan 2006, 15:04")
}

// facts are what there is to say about a kept fine-tune.
func (k *kept) facts() string {
	out := []string{short(k.Card.Method), clip(k.Card.Base.Name, 60)}
	if s := k.Card.claims(); s != "" {
		out = append(out, s)
	}
	if d := day(k.Made); d != "" {
		out = append(out, d)
	}
	out = append(out, bytesText(k.Bytes))
	if k.Examples {
		out = append(out, "with its examples")
	}
	return joined(out)
}

// claims are the scores that a card has: "93% against the base's 0% on 40 rows".
func (c *card) claims() string {
	var base, adapted *scoreRow
	for i := range c.Scores {
		switch s := &c.Scores[i]; s.Name {
		case "base":
			base = s
		case "adapted":
			adapted = s
		}
	}
	if base == nil || adapted == nil {
		return ""
	}
	return fmt.Sprintf("%s right, the base %s, on %s", percentText(adapted.Balanced), percentText(base.Balanced), plural(adapted.N, "row"))
}
