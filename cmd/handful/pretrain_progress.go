package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"handful/core/engine"
)

// pretrainProgress shows a pre-training run on stderr.
type pretrainProgress struct {
	steps           int
	device          string
	loaded          func() // takes the loading bar away
	bar             *progressbar.ProgressBar
	spoken, started time.Time
}

func newPretrainProgress(info engine.Info, steps int, loaded func()) *pretrainProgress {
	return &pretrainProgress{steps: steps, device: deviceLine(info), loaded: loaded, spoken: time.Now(), started: time.Now()}
}

func (p *pretrainProgress) event(ev engine.PretrainEvent) {
	switch {
	case ev.Plan != nil:
		x := ev.Plan
		p.loaded()
		fmt.Fprintln(os.Stderr, p.device)
		fmt.Fprintf(os.Stderr, "%d tasks in %d families, %d rows, %d kept aside; %d trainable parameters, %d steps of up to %v tokens, %d MB of values\n",
			x.Tasks, x.Families, x.Rows, x.Held, x.Trainable, x.Steps, x.Shapes, x.Arena>>20)
		for _, n := range x.Notes {
			fmt.Fprintln(os.Stderr, "note:", n)
		}
		if x.Cut > 0 {
			fmt.Fprintf(os.Stderr, "%d rows are cut at the front of their input\n", x.Cut)
		}
		if x.Done > 0 {
			fmt.Fprintf(os.Stderr, "going on after step %d\n", x.Done)
		}
		if tty() {
			p.bar = newBar(p.steps, "training")
			_ = p.bar.Set(x.Done) // a bar that can't be drawn is no fault
		}
	case ev.Step != nil && p.bar != nil:
		p.bar.Describe(fmt.Sprintf("loss %.4f", ev.Step.Loss))
		_ = p.bar.Add(1)
	case ev.Step != nil && time.Since(p.spoken) >= logEvery:
		p.spoken = time.Now()
		fmt.Fprintf(os.Stderr, "step %d/%d loss %.4f (%.0f ms)\n", ev.Step.Step, p.steps, ev.Step.Loss, ev.Step.MS)
	case ev.Held != nil:
		p.clear()
		fmt.Fprintf(os.Stderr, "step %d: %.4f on rows kept aside, the mean of %d tasks\n", ev.Held.Step, ev.Held.Loss, len(ev.Held.Tasks))
	}
}

func (p *pretrainProgress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *pretrainProgress) end(r *engine.Pretrained) {
	fmt.Fprintf(os.Stderr, "step %d of %d after %.1f s, loss %.4f to %.4f\n", r.Steps, p.steps, time.Since(p.started).Seconds(), r.First, r.Last)
	if r.Stopped {
		fmt.Fprintln(os.Stderr, "stopped; what was learned is kept, and --resume goes on")
	}
}
