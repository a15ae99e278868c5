package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/task"
	"handful/core/tune"
)

// keepEvery is how often the state is read back of a device that may be lost.
const keepEvery = 10 * time.Second

// run is a method being trained, on one device after the other where they fail.
type run struct {
	e      *Engine
	method *tune.Method
	rows   []tune.Row
	fit    *Fit
	plan   PlanEvent
	on     func(Event)
	follow following
	kept   *checkpoint  // to go on from, of a device that was right then; nil: the beginning
	saved  map[int]bool // steps that are still to be saved
	tries  int
}

// learn trains and reads back what was learned. Where the device is lost or
// wrong, the run goes on from what was kept last.
func (r *run) learn(ctx context.Context) (*tune.Learned, error) {
	r.saved = map[int]bool{}
	for _, s := range r.fit.options.SaveSteps {
		r.saved[s] = true
	}
	for {
		learned, err := r.try(ctx)
		if err == nil {
			return learned, nil
		}
		if e := r.e.dev.revive(context.WithoutCancel(ctx), err); e != nil {
			return nil, e
		}
		step := 0
		if r.kept != nil {
			step = len(r.kept.Steps)
		}
		r.fit.Steps, r.fit.Losses, r.fit.Stopped = r.fit.Steps[:step], r.fit.Losses[:step], false
		r.fit.HeldLosses, r.follow.best = nil, nil // resume brings those that were kept
		r.fit.Device = r.e.dev.Info()
		r.on(Event{Lost: &LostEvent{step, err.Error(), r.fit.Device}})
	}
}

// try trains on the device as it is, and reads what was learned when the memory
// of the steps is free again.
func (r *run) try(ctx context.Context) (*tune.Learned, error) {
	if err := r.steps(ctx); err != nil {
		return nil, err
	}
	still := context.WithoutCancel(ctx)
	learned, err := r.method.Collapse(still, r.e.dev)
	if err == nil {
		err = r.e.dev.check(still)
	}
	return learned, r.suspect(err)
}

// steps trains, and leaves the variables as they are to be kept.
func (r *run) steps(ctx context.Context) error {
	e, o := r.e, r.fit.options
	ready := ctx
	if r.tries++; r.tries > 1 {
		ready = context.WithoutCancel(ctx) // a stop keeps what was learned
	}
	t, err := tune.NewTrainer(ready, e.dev, e.model, r.method, r.rows, task.Batches(len(r.rows), o.Batch, o.Steps, o.Order, o.Seed), o.optim())
	if err != nil {
		return err
	}
	defer t.Close()
	if err := r.readyToFollow(ready); err != nil {
		return err
	}
	if r.follow.out != nil {
		defer r.follow.out.Close()
	}
	r.fit.Dispatches = t.Stats().Dispatches
	if r.tries == 1 {
		p := r.plan
		p.Tokens, p.Parts, p.Arena, p.Dispatches, p.Stored = t.Tokens(), t.Parts(), t.Stats().Arena, r.fit.Dispatches, t.Store().String()
		if h := shortOf(t); h != "" {
			p.Hints = append(slices.Clip(p.Hints), h)
		}
		r.on(Event{Plan: &p})
	}
	if r.kept != nil {
		if err := r.kept.resume(ctx, t, r); err != nil {
			return err
		}
	}
	if err := r.train(ctx, t); err != nil {
		return err
	}
	return r.choose(context.WithoutCancel(ctx), t)
}

// shortOf is a hint where memory is short.
func shortOf(t *tune.Trainer) string {
	h := ""
	if t.Store() == graph.StoreBlocks {
		h = "memory is short: much of a step is computed twice, which takes a third longer"
	}
	if n := t.Parts(); n > 1 {
		h = cmp.Or(h, "memory is short") + fmt.Sprintf("; a batch is computed in %d parts, which is the same step but for rounding", n)
	}
	if h == "" {
		return ""
	}
	return h + "; a smaller batch needs less"
}

// suspect takes values that are not finite after finite steps for the device's
// doing, where it may fail.
func (r *run) suspect(err error) error {
	if !fault.Is(err, fault.Input) || !r.e.dev.mayFail() {
		return err
	}
	return fault.New(fault.DeviceLost, "gpu", "%v, after finite steps: the device computes wrongly", err).Next("take --device cpu, or lower the learning rate")
}

// train runs the steps.
func (r *run) train(ctx context.Context, t *tune.Trainer) error {
	o, fit, every := r.fit.options, r.fit, r.every()
	kept := time.Now()
	stopped := func(err error) bool { return fault.Is(err, fault.Cancelled) || errors.Is(err, context.Canceled) }
	for !t.Done() {
		s, err := t.Step(ctx)
		if stopped(err) {
			if len(fit.Steps) == 0 {
				return fault.From("adapt", ctx.Err())
			}
			fit.Stopped = true
			return nil
		}
		if err != nil {
			return err
		}
		ev := StepEvent{Step: s.Step, Loss: s.Loss, LR: s.LR, GradNorm: s.GradNorm, MS: s.Duration.Seconds() * 1e3}
		fit.Steps = append(fit.Steps, ev)
		fit.Losses = append(fit.Losses, s.Loss)
		r.on(Event{Step: &ev})
		if err := r.followed(ctx, t); stopped(err) {
			fit.Stopped = !t.Done()
			return nil
		} else if err != nil {
			return err
		}
		if every > 0 && !t.Done() && time.Since(kept) >= every {
			if err := r.keep(context.WithoutCancel(ctx), t); err != nil {
				return err
			}
			kept = time.Now()
		}
		if err := r.show(ctx, s.Step, o.RoutingEvery > 0 && s.Step%o.RoutingEvery == 0 && !t.Done()); err != nil {
			return err
		}
	}
	return nil
}

// every is how often the run is kept, 0 for never.
func (r *run) every() time.Duration {
	if s := r.fit.options.SnapshotEvery; s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	if r.e.dev.mayFail() {
		return keepEvery
	}
	return 0
}

// keep reads the state of a device that is right, and tells it where that was
// asked for.
func (r *run) keep(ctx context.Context, t *tune.Trainer) error {
	c := &checkpoint{Options: r.fit.asked, Steps: slices.Clone(r.fit.Steps), HeldLosses: slices.Clone(r.fit.HeldLosses), Best: r.follow.best}
	var err error
	if c.State, err = t.Snapshot(ctx); err != nil {
		return r.suspect(err)
	}
	if err := r.e.dev.check(ctx); err != nil {
		return err
	}
	if c.Model, err = r.e.fingerprint(); err != nil {
		return err
	}
	r.kept = c
	if r.fit.options.SnapshotEvery <= 0 {
		return nil
	}
	b, err := c.encode()
	if err != nil {
		return err
	}
	r.on(Event{Snapshot: &SnapshotEvent{Step: t.At(), Bytes: b}})
	return nil
}

// show tells the routing, and the adapter's files where they were asked for.
func (r *run) show(ctx context.Context, step int, routing bool) error {
	if !r.saved[step] && !routing {
		return nil
	}
	l, err := r.method.Collapse(ctx, r.e.dev)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return r.suspect(err)
	}
	if routing && l.Inventory != nil {
		r.on(Event{Routing: routingOf(l.Inventory, step)})
	}
	if r.saved[step] {
		if err := r.e.dev.check(ctx); err != nil {
			return err
		}
		files, err := adapterFiles(l)
		if err != nil {
			return err
		}
		delete(r.saved, step)
		r.on(Event{Save: &SaveEvent{Step: step, Files: files}})
	}
	return nil
}

// table scores base, mean and the fine-tune on held-out rows. A device that
// fails costs the table at most, never what was learned.
func (e *Engine) table(ctx context.Context, fit *Fit, o AdaptOptions, on func(Event)) {
	for {
		err := e.scores(ctx, fit, o, on)
		if err == nil {
			err = e.dev.check(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return // stopped: the table stays short
		}
		fit.Scores = nil
		if e.dev.revive(ctx, err) != nil {
			fit.Unscored = fmt.Sprint(err)
			return
		}
		on(Event{Lost: &LostEvent{len(fit.Steps), err.Error(), e.dev.Info()}})
	}
}
