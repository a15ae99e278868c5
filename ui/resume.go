package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// snapshotEvery is how often a run is kept, in seconds.
const snapshotEvery = 10

// keptRun is a run that a reload or a crash broke off. What it was asked, with
// its examples, is in the engine's bytes beside it.
type keptRun struct {
	ID     string    `json:"id"`
	Title  string    `json:"title"`
	Method string    `json:"method"`
	Step   int       `json:"step"`
	Steps  int       `json:"steps"`
	At     int64     `json:"at"` // ms since 1970
	Choice runChoice `json:"choice"`
}

// runChoice is what was open.
type runChoice struct {
	Base      string `json:"base"`
	Inventory string `json:"inventory"`
	Device    string `json:"device"`
	Files     string `json:"files"`  // the person's own, of the base
	Skills    string `json:"skills"` // and of the inventory
}

func (m *modelState) runChoice() runChoice {
	c := runChoice{Base: m.base, Inventory: m.inventory, Device: m.device}
	if m.base == ownFiles {
		c.Files = fileKey(m.baseFiles)
	}
	if m.inventory == ownFiles {
		c.Skills = fileKey(m.invFiles)
	}
	return c
}

// keeper keeps one run in the browser while it lasts.
type keeper struct {
	page Page
	id   string

	mu    sync.Mutex // writes come one after the other
	ended bool
}

func newKeeper(page Page) *keeper {
	return &keeper{page: page, id: fmt.Sprintf("%016x", rand.Uint64())}
}

// keep writes the run as it is now, and tells how that went. While the last one
// is still being written nothing is done.
func (k *keeper) keep(about keptRun, state rpc.Blob, done func(error)) {
	if !k.mu.TryLock() {
		return
	}
	go func() {
		defer k.mu.Unlock()
		if !k.ended {
			done(k.page.KeepRun(about, state))
		}
	}()
}

// end ends keeping: of a run that is over nothing is left.
func (k *keeper) end(over bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	if over {
		k.page.DropRun(k.id)
	} else {
		k.page.LeaveRun(k.id)
	}
}

// over tells that a run has ended so that it can't go on: it has a result, its
// state is damaged, or its steps lead nowhere.
func (r *runState) over(err error) bool {
	return err == nil || fault.Is(err, fault.Corrupt) || fault.Is(err, fault.Input) && len(r.losses) > r.from
}

// keepRun keeps the run after a snapshot event.
func (a *App) keepRun(e rpc.Event) error {
	var at struct {
		Step int `json:"step"`
	}
	if err := json.Unmarshal(e.Data, &at); err != nil || len(e.Blobs) != 1 {
		return fmt.Errorf("%d blobs: %w", len(e.Blobs), err)
	}
	k := a.run.keeper
	about := keptRun{ID: k.id, Title: a.run.title, Method: a.run.method, Step: at.Step, Steps: a.run.steps, At: time.Now().UnixMilli(), Choice: a.model.runChoice()}
	k.keep(about, e.Blobs[0], func(err error) {
		a.page.Update(func() {
			if a.run.keeper != k {
				return
			}
			if a.run.keptWhy = ""; err != nil {
				a.run.keptWhy = err.Error()
				return
			}
			a.run.kept = at.Step
		})
	})
	return nil
}

// keptText says what of the run is kept.
func (r *runState) keptText() string {
	switch {
	case r.phase == idle || r.keeper == nil:
		return ""
	case r.keptWhy != "":
		return "A reload would lose this run: " + clip(r.keptWhy, 200) + "."
	case r.kept > 0:
		return fmt.Sprintf("Kept in this browser after step %d, with its examples, which it needs to go on after a reload. Both are removed when it ends.", r.kept)
	}
	return ""
}

// runTitle names a run by its examples and its model.
func (a *App) runTitle() string {
	e := &a.examples
	title := plural(e.rows(), "example")
	if e.sampleText != "" && e.text == e.sampleText {
		title = e.sample.Name
	}
	if names := a.model.names(); len(names) > 1 && names[1] != "" {
		return title + " with " + clip(names[1], 60)
	} else if len(names) > 0 {
		return title + " with " + clip(names[0], 60)
	}
	return title
}

// text says how far the run is.
func (k keptRun) text() string {
	name := k.Method
	for _, m := range methods {
		if m.ID == k.Method {
			name = m.Short
		}
	}
	ago := time.Since(time.UnixMilli(k.At))
	return fmt.Sprintf("%s, step %d of %d, %s ago", name, k.Step, k.Steps, durationText(ago))
}

// lookAtRuns sees anew which runs were broken off.
func (a *App) lookAtRuns() {
	runs := a.page.Runs()
	a.page.Update(func() { a.broken = runs })
}

// whyNotGoOn says why a run can't go on now, "" when it can.
func (a *App) whyNotGoOn(k keptRun) string {
	m := &a.model
	offered := func() bool {
		for _, s := range m.served {
			if s.ID == k.Choice.Base {
				return true
			}
		}
		return false
	}
	switch {
	case a.busy():
		return "Wait for the end of what is running."
	case k.Choice.Base == ownFiles && fileKey(m.baseFiles) != k.Choice.Files, k.Choice.Inventory == ownFiles && fileKey(m.invFiles) != k.Choice.Skills:
		return "It needs the files that it began with: choose them again in step 1."
	case !m.looked:
		return "Looking for models …"
	case k.Choice.Base != ownFiles && !offered():
		return "Its model is not offered here now."
	}
	return ""
}

// GoOn goes on with a run that was broken off.
func (a *App) GoOn(k keptRun) {
	if a.whyNotGoOn(k) != "" {
		return
	}
	a.model.picked = true
	a.model.base, a.model.inventory, a.model.device = k.Choice.Base, k.Choice.Inventory, k.Choice.Device
	keeper := newKeeper(a.page)
	keeper.id = k.ID
	a.begin(runState{method: k.Method, title: k.Title, steps: k.Steps, keeper: keeper}, func(ctx context.Context) error { return a.resume(ctx, k) })
}

// resume runs the rest of a run in the open engine.
func (a *App) resume(ctx context.Context, k keptRun) error {
	state, err := a.page.TakeRun(k.ID)
	if err != nil {
		return fault.Inputf("run", "%w", err).Next("close the other tabs of this page, or start anew")
	}
	var client *rpc.Client
	a.page.Update(func() { client = a.client })
	return a.fitted(ctx, client, "resume", struct{}{}, []rpc.Blob{state})
}

// resumed brings what the run was asked and has done into the page.
func (a *App) resumed(data json.RawMessage) error {
	var got struct {
		Options adaptOptions `json:"options"`
		Steps   []stepEvent  `json:"steps"`

		HeldLosses []heldStep `json:"heldLosses"`
	}
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	o, r := got.Options, &a.run
	a.settings.method = o.Method
	a.setExamples(o.Examples, o.Held, o.Instruction)
	r.asked = adaptOptions{Steps: o.Steps, Batch: o.Batch}
	r.instruction, r.steps, r.from, r.kept = o.Instruction, o.Steps, len(got.Steps), len(got.Steps)
	for _, s := range got.Steps {
		r.losses, r.times = append(r.losses, s.Loss), append(r.times, s.MS)
	}
	r.held, r.keep = got.HeldLosses, o.Keep
	r.said = 10 * len(r.losses) / max(1, r.steps)
	a.drawLoss()
	client, k := a.client, r.keeper
	go func() {
		seen, err := ask(context.Background(), client, o.Examples, o.Instruction, 0)
		a.page.Update(func() {
			if err == nil && a.run.keeper == k {
				a.run.options = seen.Options // for Try
			}
		})
	}()
	return nil
}

// goesOn takes back the steps that a lost device takes with it.
func (a *App) goesOn(data json.RawMessage) error {
	var got lostEvent
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	r, at := &a.run, max(0, got.Step)
	r.losses, r.times, r.scores = r.losses[:min(at, len(r.losses))], r.times[:min(at, len(r.times))], nil
	r.held = slices.DeleteFunc(r.held, func(h heldStep) bool { return h.Step > at })
	r.said = min(r.said, 10*len(r.losses)/max(1, r.steps))
	if i := a.model.info; i != nil {
		i.Device, i.DeviceWhy = got.Device, clip(got.Why, 200)
	}
	if r.phase == scoring && len(r.losses) < r.steps {
		r.phase = training
	}
	a.drawLoss()
	a.say(fmt.Sprintf("The device was lost; the run goes on after step %d on %s", at, clip(got.Device.Name, 60)))
	return nil
}

// Discard gives a run up that was broken off.
func (a *App) Discard(k keptRun) {
	go func() {
		a.page.DropRun(k.ID)
		a.lookAtRuns()
		a.page.Update(func() { a.say("The run is discarded, its examples with it") })
	}()
}
