package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// phase is what the page is busy with.
type phase int

const (
	idle phase = iota
	preparing
	training
	scoring
	stopping
)

type runState struct {
	phase phase
	stop  context.CancelFunc // set while not idle

	method      string // of this run or the last one
	instruction string
	options     []string     // of its rows, where all have the same
	asked       adaptOptions // steps and batch, where they were typed
	plan        *planEvent
	steps       int // asked for
	losses      []float64
	times       []float64 // ms of each step
	held        []heldStep
	keep        string // what was to be kept: last, best
	said        int    // tenths announced
	routing     *routing
	scores      []scoreRow
	fit         *fit // nil until there is one
	name        string
	other       *fit // that fit is compared with
	otherName   string
	judged      string // what the rows of the scores are; "": held-out rows
	judging     string // what is being compared
	told        bool   // it was not trained now: it came by a link or from the library
	against     againstState
	similar     []similarTask // the training tasks that route most alike
	aligned     []similarTask // those whose gradients point most alike, where they were asked for
	aligning    bool          // they are on their way
	confusedBy  string        // the row whose matrix is shown; "": adapted
	keptAs      string        // id in the library
	keeping     bool
	saved       bool // somewhere that outlasts the page
	exporting   bool
	exported    bool   // as a zip
	format      string // what Export saves, see exportFormats
	allRows     bool   // every prediction is listed

	sharing   bool
	link      string // that was made last
	shareSays string

	title   string  // of its examples and model
	keeper  *keeper // keeps it in the browser
	kept    int     // the step after which it was kept last
	keptWhy string  // why it can't be kept
	from    int     // the step after which it went on

	chart, heat, scale string // drawings
	tableOf            *routing
	tableText          string
}

// whyNot says why Adapt can't run, "" when it can.
func (a *App) whyNot() string {
	m, e := &a.model, &a.examples
	_, wrong := a.settings.options()
	switch {
	case a.run.phase == stopping:
		return "Stopping …"
	case a.run.phase != idle:
		return "Adapting now."
	case m.opening():
		return "The model is being loaded."
	case m.sorting > 0:
		return lookingAtFiles
	case !m.looked && !m.chosen():
		return "Looking for models …"
	case !m.chosen():
		return "Choose a model in step 1."
	case a.settings.chosen().Skills && !m.hasInventory():
		return "This method starts from skills: choose an inventory in step 1, or LoRA."
	case e.rows() == 0 && len(e.faults()) == 0:
		return "Add examples in step 2."
	case len(e.faults()) > 0:
		return "Some examples can't be read: see step 2."
	}
	return wrong
}

// Adapt opens the model where that is still to be done, and fine-tunes. The
// last result stays until there is a new one.
func (a *App) Adapt() {
	if a.whyNot() != "" {
		return
	}
	o, _ := a.settings.options()
	e := &a.examples
	o.Examples, o.Held, o.Instruction = e.text, e.held, e.instruction
	switch {
	case lines(e.held) == 0:
		o.Held = ""
		if e.rows() < fewestRows {
			o.Holdout = 0
		}
	default:
		o.Holdout = 0
	}
	if o.Held == "" && o.Holdout == 0 {
		o.Keep = "" // nothing tells what is best
	}
	o.SnapshotEvery = snapshotEvery
	r := runState{method: o.Method, asked: adaptOptions{Steps: o.Steps, Batch: o.Batch}, keep: o.Keep, instruction: o.Instruction, steps: o.Steps, title: a.runTitle(), keeper: newKeeper(a.page)}
	a.begin(r, func(ctx context.Context) error { return a.adapt(ctx, o) })
}

// begin runs do, after the model is open, as the run r. The last run stays
// until there is a new result.
func (a *App) begin(r runState, do func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	before, client, keeper := a.run, a.client, r.keeper
	r.phase, r.stop, r.name = preparing, stop, a.suggestName()
	a.run = r
	a.fault = nil
	a.try.clear()
	var opening context.Context
	if !a.model.open() {
		opening = a.beginOpening()
		context.AfterFunc(ctx, a.model.stop)
	}
	a.say("Adapting starts")
	go func() {
		var err error
		if opening != nil {
			err = a.open(opening)
		}
		if err == nil {
			err = do(ctx)
		}
		over := false
		a.page.Update(func() {
			stop()
			over = a.run.over(err)
			a.settle("adapt", before, client, err)
			if over {
				a.broken = slices.DeleteFunc(a.broken, func(k keptRun) bool { return k.ID == keeper.id })
			}
			if err != nil {
				a.say("Adapting ended without a result")
			}
		})
		keeper.end(over)
		a.lookAtRuns()
	}()
}

// Stop ends opening or training; what was learned by then is kept.
func (a *App) Stop() {
	if a.run.stop != nil && a.run.phase != stopping {
		a.run.phase = stopping
		a.run.stop()
	}
}

// adapt runs the fine-tune in the open engine.
func (a *App) adapt(ctx context.Context, o adaptOptions) error {
	var client *rpc.Client
	a.page.Update(func() { client = a.client })
	seen, err := ask(ctx, client, o.Examples, o.Instruction, 0)
	if err != nil {
		return err
	}
	a.page.Update(func() {
		a.run.options = seen.Options
		if a.run.steps == 0 { // known now that the skills are open
			a.run.steps = a.normalSteps()
		}
		if a.settings.chosen().Router {
			o.RoutingEvery = max(1, a.run.steps/10)
		}
	})
	return a.fitted(ctx, client, "adapt", o, nil)
}

// fitted calls a method that makes a fit, and shows what it does and makes.
func (a *App) fitted(ctx context.Context, client *rpc.Client, method string, params any, blobs []rpc.Blob) error {
	raw, _, err := client.Call(ctx, method, params, blobs, a.onEvent)
	if err != nil {
		return err
	}
	var got fit
	if json.Unmarshal(raw, &got) != nil {
		return fault.New(fault.Bug, method, "got an answer that is not understood")
	}
	a.page.Update(func() { a.finish(&got) })
	return nil
}

// finish shows a fine-tune.
func (a *App) finish(f *fit) {
	r := &a.run
	r.fit, r.saved = f, false
	if f.Routing != nil {
		r.routing = f.Routing
	}
	if len(f.Scores) > 0 {
		r.scores = f.Scores
	}
	if len(f.HeldLosses) > 0 {
		r.held = f.HeldLosses
	}
	a.draw()
	a.lookSimilar()
	a.Keep()
	switch {
	case f.Unscored != "":
		a.say("Done, without scores: " + clip(f.Unscored, 200))
	case f.Stopped:
		a.say(fmt.Sprintf("Stopped after %s; what was learned is kept", plural(len(r.losses), "step")))
	default:
		a.say("Done: " + a.verdict())
	}
}

// onEvent shows one thing that happened while adapting.
func (a *App) onEvent(e rpc.Event) {
	a.page.Update(func() {
		var err error
		if e.Kind == "snapshot" {
			err = a.keepRun(e)
		} else {
			err = a.take(e.Kind, e.Data)
		}
		if err != nil {
			a.show("adapt", fault.New(fault.Bug, "adapt", "got a %.20s event that is not understood: %w", e.Kind, err))
		}
	})
}

// take brings an event into the state. Unknown kinds are passed over.
func (a *App) take(kind string, data json.RawMessage) error {
	r := &a.run
	switch kind {
	case "progress":
		return json.Unmarshal(data, &a.model.progress)
	case "resumed":
		return a.resumed(data)
	case "plan":
		r.plan = new(planEvent)
		if err := json.Unmarshal(data, r.plan); err != nil {
			return err
		}
		r.steps = r.plan.Steps
	case "step":
		var steps []stepEvent
		if err := json.Unmarshal(data, &steps); err != nil {
			return err
		}
		for _, s := range steps {
			r.losses, r.times = append(r.losses, s.Loss), append(r.times, s.MS)
		}
		if r.phase == preparing {
			r.phase = training
		}
		if r.phase == training && len(r.losses) >= r.steps {
			r.phase = scoring
		}
		a.drawLoss()
		a.sayTenth()
	case "held":
		var h heldStep
		if err := json.Unmarshal(data, &h); err != nil {
			return err
		}
		r.held = append(r.held, h)
		a.drawLoss()
	case "lost":
		return a.goesOn(data)
	case "routing":
		got := new(routing)
		if err := json.Unmarshal(data, got); err != nil {
			return err
		}
		r.routing = got
		a.draw()
	case "score":
		var s scoreRow
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		r.scores = append(r.scores, s)
	}
	return nil
}

// sayTenth announces each tenth of the steps once.
func (a *App) sayTenth() {
	r := &a.run
	tenth := 10 * len(r.losses) / max(1, r.steps)
	if tenth <= r.said || tenth > 10 {
		return
	}
	r.said = tenth
	a.say(fmt.Sprintf("%d%%, loss %s", 10*tenth, lossText(runningMean(r.losses)[len(r.losses)-1])))
}

// Narrow tells how wide the page is, for drawings do not flow as text does.
func (a *App) Narrow(narrow bool) {
	if a.narrow != narrow {
		a.narrow = narrow
		a.draw()
	}
}

// draw makes the drawings of the run.
func (a *App) draw() {
	a.drawLoss()
	a.run.heat, a.run.scale = drawRouting(a.size().w, a.run.routing), drawScale(a.run.routing)
}

func (a *App) drawLoss() {
	r := &a.run
	if r.chart = ""; len(r.losses) > 0 {
		r.chart = lossChart(a.size(), r.losses, r.held, r.steps, lossUnit(r.lossName()))
	}
}

// lossName is the loss that is trained with, "" before the plan.
func (r *runState) lossName() string {
	if r.plan == nil {
		return ""
	}
	return r.plan.Loss
}

func (a *App) size() size {
	if a.narrow {
		return narrowChart
	}
	return wideChart
}

// table is the routing as a table, made when it is first looked at.
func (r *runState) table() string {
	if r.tableOf != r.routing || r.tableText == "" {
		r.tableOf, r.tableText = r.routing, routingTable(r.routing)
	}
	return r.tableText
}

// timeLeft is that of the steps to come: their number times the median of the
// newest. Known from the second step on, for the first one also compiles.
func timeLeft(times []float64, steps int) (d time.Duration, known bool) {
	if len(times) < 2 || len(times) >= steps {
		return 0, false
	}
	newest := slices.Clone(times[max(1, len(times)-9):])
	slices.Sort(newest)
	ms := newest[len(newest)/2]
	if math.IsNaN(ms) || ms < 0 || ms > 1e9 {
		return 0, false
	}
	return time.Duration(ms * float64(steps-len(times)) * float64(time.Millisecond)), true
}

// bar is the progress of whatever the page is busy with: percent, -1 where
// unknown, and words for it.
func (a *App) progress() (percent int, words string) {
	r := &a.run
	switch {
	case r.against.with != "":
		return r.against.progress()
	case r.judging != "" && !a.model.opening():
		return -1, r.judging
	case a.model.opening(), r.phase == preparing && len(r.losses) == 0:
		return a.model.progress.percent(), a.model.progress.text()
	case r.phase == scoring:
		if n := a.rowsAside(); n > 0 {
			return -1, fmt.Sprintf("Scoring on %s: %s", plural(n, "held-out row"), scoringNow(len(r.scores), a.model.hasInventory()))
		}
		return -1, "Finishing"
	}
	words = fmt.Sprintf("Step %d of %d", len(r.losses), r.steps)
	if r.phase == stopping {
		return 100 * len(r.losses) / max(1, r.steps), words + ", stopping"
	}
	if d, ok := timeLeft(r.times, r.steps); ok {
		words += ", " + durationText(d) + " left"
	}
	return 100 * len(r.losses) / max(1, r.steps), words
}

func scoringNow(done int, inventory bool) string {
	names := []string{"base", "mean of the skills", "adapted"}
	if !inventory {
		names = []string{"base", "adapted"}
	}
	return names[min(done, len(names)-1)]
}

func (a *App) rowsAside() int {
	if a.run.plan == nil {
		return 0
	}
	return a.run.plan.Held
}

// busy tells that a progress bar is to be shown.
func (a *App) busy() bool { return a.run.phase != idle || a.model.opening() }
