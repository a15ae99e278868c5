package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"handful/core/engine"
)

// tty tells that a person looks at stderr.
func tty() bool { return term.IsTerminal(int(os.Stderr.Fd())) }

// loading is a bar on stderr where a person looks at it, else nothing.
func loading() (show func(engine.Progress), done func()) {
	if !tty() {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	show = func(p engine.Progress) {
		if bar == nil {
			bar = progressbar.NewOptions64(p.Total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("loading"),
				progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		_ = bar.Set64(p.Loaded) // a bar that can't be drawn is no fault
	}
	return show, func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}

// logEvery is how often a log (a stderr that is no terminal) hears of steps:
// short runs stay quiet, so that a fault is the only line.
const logEvery = 10 * time.Second

// adaptProgress shows a fine-tune on stderr.
type adaptProgress struct {
	steps   int
	intro   []string // what is known of the run, until it is printed
	loaded  func()   // takes the loading bar away
	bar     *progressbar.ProgressBar
	spoken  time.Time
	started time.Time
	plan    engine.PlanEvent
	held    string // loss of the held-out rows, as it was last
}

func newAdaptProgress(info engine.Info, steps int, loaded func()) *adaptProgress {
	p := &adaptProgress{steps: steps, loaded: loaded, spoken: time.Now(), started: time.Now()}
	p.intro = []string{deviceLine(info)}
	if tty() {
		p.bar = newBar(steps, "adapting")
	}
	return p
}

// newBar is a bar of n things on stderr, which goes when it is full.
func newBar(n int, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
}

// counting is a bar of so many things on stderr where a person looks at it,
// else nothing.
func counting(n int, what string) (show func(done int), done func()) {
	if !tty() {
		return nil, func() {}
	}
	bar := newBar(n, what)
	return func(done int) { _ = bar.Set(done) }, func() { _ = bar.Clear() } // a bar that can't be drawn is no fault
}

// deviceLine says what computes, and why that.
func deviceLine(i engine.Info) string {
	return fmt.Sprintf("device: %s (%s): %s", i.Device.Name, i.Device.Kind, i.DeviceWhy)
}

// introduce prints the lines about the run, once.
func (p *adaptProgress) introduce() {
	for _, l := range p.intro {
		fmt.Fprintln(os.Stderr, l)
	}
	p.intro = nil
}

func (p *adaptProgress) show(ev engine.Event) {
	switch {
	case ev.Start != nil && len(ev.Start.Rows) > 0:
		p.intro = append(p.intro, startLine(ev.Start))
	case ev.Start != nil && p.bar != nil:
		p.loaded()
		p.bar.Describe(fmt.Sprintf("trying tasks %d/%d", ev.Start.Done, ev.Start.Of))
		_ = p.bar.RenderBlank() // a bar that can't be drawn is no fault
	case ev.Start != nil && time.Since(p.spoken) >= logEvery:
		p.introduce()
		p.spoken = time.Now()
		fmt.Fprintf(os.Stderr, "tried tasks %d/%d\n", ev.Start.Done, ev.Start.Of)
	case ev.Plan != nil:
		p.plan = *ev.Plan
		p.intro = append(p.intro, fmt.Sprintf("%d rows, %d kept aside, %d trainable parameters, %d steps", ev.Plan.Train, ev.Plan.Held, ev.Plan.Trainable, ev.Plan.Steps))
		if r := ev.Plan.Recommended; len(r) > 0 {
			p.intro = append(p.intro, "as the inventory recommends: "+strings.Join(r, ", "))
		}
		for _, x := range ev.Plan.Cut {
			p.intro = append(p.intro, fmt.Sprintf("line %d: %d tokens cut from the front of its input", x.Line, x.Tokens))
		}
		for _, h := range ev.Plan.Hints {
			p.intro = append(p.intro, "note: "+h)
		}
	case ev.Lost != nil:
		p.introduce()
		p.clear()
		fmt.Fprintf(os.Stderr, "note: %s; the run goes on after step %d, on %s (%s)\n", ev.Lost.Why, ev.Lost.Step, ev.Lost.Device.Name, ev.Lost.Device.Kind)
		if p.bar != nil {
			_ = p.bar.Set(ev.Lost.Step)
		}
	case ev.Step != nil && p.bar != nil:
		p.loaded()
		p.introduce()
		p.bar.Describe(fmt.Sprintf("loss %.4f%s", ev.Step.Loss, p.held))
		_ = p.bar.Add(1) // a bar that can't be drawn is no fault
	case ev.Step != nil && time.Since(p.spoken) >= logEvery:
		p.introduce()
		p.spoken = time.Now()
		fmt.Fprintf(os.Stderr, "step %d/%d loss %.4f%s (%.0f ms)\n", ev.Step.Step, p.steps, ev.Step.Loss, p.held, ev.Step.MS)
	case ev.Held != nil:
		p.held = fmt.Sprintf(", held out %.4f", ev.Held.Loss)
	}
}

// startLine says which training tasks routing starts from.
func startLine(s *engine.StartEvent) string {
	var tasks []string
	for _, r := range s.Rows {
		tasks = append(tasks, fmt.Sprintf("%s (loss %.4f)", r.Task, r.Loss))
	}
	return fmt.Sprintf("start: %s, tried on %d rows", strings.Join(tasks, ", "), s.Examples)
}

// clear takes the bar away.
func (p *adaptProgress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// like tells which training tasks are alike in what they do.
func like(does string, tasks []engine.SimilarTask) {
	var out []string
	for _, t := range tasks {
		out = append(out, fmt.Sprintf("%s %.2f", t.Task, t.Cosine))
	}
	if len(out) > 0 {
		fmt.Fprintf(os.Stderr, "%s like %s\n", does, strings.Join(out, ", "))
	}
}

// heldLine says how the loss of the held-out rows went, and what of it is kept.
func heldLine(fit *engine.Fit, rows, of int) string {
	h := fit.HeldLosses
	low := slices.MinFunc(h, func(a, b engine.HeldStep) int { return cmp.Compare(a.Loss, b.Loss) })
	s := fmt.Sprintf("held-out loss %.4f after step %d to %.4f after step %d", h[0].Loss, h[0].Step, h[len(h)-1].Loss, h[len(h)-1].Step)
	if rows < of {
		s += fmt.Sprintf(" (on %d of %d rows)", rows, of)
	}
	switch {
	case fit.Kept < len(fit.Steps):
		s += fmt.Sprintf("; kept is step %d, the lowest with %.4f", fit.Kept, low.Loss)
	case low.Step < h[len(h)-1].Step:
		s += fmt.Sprintf("; it was lowest after step %d, with %.4f: --keep best keeps that", low.Step, low.Loss)
	}
	return s
}

// end says what came of it.
func (p *adaptProgress) end(fit *engine.Fit) {
	p.introduce()
	n := len(fit.Losses)
	fmt.Fprintf(os.Stderr, "%d steps in %.1f s, loss %.4f to %.4f\n", n, time.Since(p.started).Seconds(), fit.Losses[0], fit.Losses[n-1])
	if len(fit.HeldLosses) > 0 {
		fmt.Fprintln(os.Stderr, heldLine(fit, p.plan.Followed, p.plan.Held))
	}
	for _, s := range fit.Scores {
		fmt.Fprintf(os.Stderr, "%-8s n %d  accuracy %.3f  balanced %.3f (95%%: %s)  loss %.4f\n", s.Name, s.N, s.Accuracy, s.Balanced, s.Interval, s.Loss)
	}
	if fit.Unscored != "" {
		fmt.Fprintf(os.Stderr, "note: the rows that were kept aside are not scored: %s\n", fit.Unscored)
	}
	if fit.Stopped {
		fmt.Fprintf(os.Stderr, "stopped after %d of %d steps; what was learned is kept\n", n, p.steps)
	}
}
