package enginetest

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"handful/core/device/chaos"
	"handful/core/engine"
)

// Endure opens, adapts, judges, exports and closes so many times; every third
// device is lost on the way. after is called after each round, with nothing open.
func (p Pocket) Endure(ctx context.Context, rounds int, after func(round int)) error {
	for k := range rounds {
		var plan [][]chaos.Fault
		if k%3 == 2 {
			plan = [][]chaos.Fault{{{Kind: chaos.Loss, At: 300}}}
		}
		if err := p.session(ctx, k, plan); err != nil {
			return fmt.Errorf("round %d: %w", k, err)
		}
		after(k)
	}
	return nil
}

func (p Pocket) session(ctx context.Context, k int, plan [][]chaos.Fault) error {
	e, _, err := p.open(ctx, []string{"gpu", "cpu"}[k%2], plan...)
	if err != nil {
		return err
	}
	defer e.Close()
	o := run([]string{"z", "mu"}[k%2], []float64{0, always}[k/2%2])
	o.Steps, o.SaveSteps = 2, nil
	fit, err := e.Adapt(ctx, o, nil)
	if err != nil {
		return err
	}
	if len(fit.Export()) < 3 || len(fit.Scores) != 3 {
		return fmt.Errorf("%d files, %d scores", len(fit.Export()), len(fit.Scores))
	}
	if _, err := e.Generate(ctx, fit.Adapter, engine.GenerateOptions{Prompt: "jump", MaxTokens: 3}, nil); err != nil {
		return err
	}
	e.Free(fit.Adapter)
	return e.Close()
}

// Marathon is one run of so many steps over so many rows, with snapshots as often
// as they come on their own. after is called after each step.
func (p Pocket) Marathon(ctx context.Context, rows, steps int, after func(step int)) error {
	e, _, err := p.open(ctx, "cpu")
	if err != nil {
		return err
	}
	defer e.Close()
	o := run("z", 10)
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "%c%c%c => %c\n", 'a'+i%26, 'a'+i/26%26, 'a'+i/676, 'a'+i%26)
	}
	o.Examples, o.Held, o.Steps, o.SaveSteps = b.String(), "", steps, nil
	fit, err := e.Adapt(ctx, o, func(ev engine.Event) {
		if ev.Step != nil {
			after(ev.Step.Step)
		}
	})
	if err != nil {
		return err
	}
	if len(fit.Losses) != steps {
		return fmt.Errorf("%d losses, want %d", len(fit.Losses), steps)
	}
	return e.Close()
}

// Alive is how many bytes of Go's heap are in use.
func Alive() uint64 {
	runtime.GC()
	runtime.GC() // finalizers have run
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
