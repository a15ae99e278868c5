package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// Adapt fine-tunes on examples and scores what was held out. Cancelling ctx
// stops within a step and keeps what was learned (Fit.Stopped). on may be nil;
// it is called between steps, on the caller's goroutine.
func (e *Engine) Adapt(ctx context.Context, o AdaptOptions, on func(Event)) (_ *Fit, err error) {
	defer e.lock()()
	defer fault.Recover("adapt", &err)
	return e.adapt(ctx, o, nil, on)
}

// adapt is Adapt and Resume: from is a run to go on with, or nil.
func (e *Engine) adapt(ctx context.Context, o AdaptOptions, from *checkpoint, on func(Event)) (*Fit, error) {
	if on == nil {
		on = func(Event) {}
	}
	asked := o
	if err := o.Check(); err != nil {
		return nil, err
	}
	if fromSkills(o.Method) && e.inv == nil {
		return nil, fault.Inputf("adapt", "method %s wants an inventory and none was opened", o.Method).Next("give one with --inventory, or take method lora or ia3")
	}
	if o.Method == "z" && e.inv.Skills == 1 {
		return nil, fault.Inputf("adapt", "method z routes over skills, and the inventory has one").Next("take method mu, which trains it")
	}
	train, held, err := e.split(&o)
	if err != nil {
		return nil, err
	}
	rows, cut, err := e.encode(train, o.Instruction, o.Truncate)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(rows, tune.Row.Labelled) {
		return nil, unlabelled(train[0])
	}
	if heldRows, _, err := e.encode(held, o.Instruction, o.Truncate); err != nil {
		return nil, err
	} else if i := slices.IndexFunc(heldRows, func(r tune.Row) bool { return !r.Labelled() }); i >= 0 {
		return nil, unlabelled(held[i])
	}
	recommended, labels := e.recommended(o), o.Options
	if len(labels) == 0 {
		labels = task.Labels(append(train[:len(train):len(train)], held...))
	}
	if o.Loss == LossAuto {
		o.Loss = chooseLoss(train, labels)
	}
	if o.Loss == tune.LossTFew {
		if err := e.addOthers(rows, train, labels, &o); err != nil {
			return nil, err
		}
	}
	base, inventory, err := e.Identity()
	if err != nil {
		return nil, err
	}
	method, start, err := e.method(ctx, &o, train, on)
	if err != nil {
		return nil, err
	}
	defer method.Free(e.dev)
	t, err := tune.NewTrainer(ctx, e.dev, e.model, method, rows, task.Batches(len(rows), o.Batch, o.Steps, o.Order, o.Seed), o.optim())
	if err != nil {
		return nil, err
	}
	fit := &Fit{Method: o.Method, Trainable: method.Trainable(), Device: e.dev.Info(), Dispatches: t.Stats().Dispatches, Start: start, options: o, asked: asked, recommended: recommended, prompted: sameOptions(train), base: base, inventory: inventory}
	on(Event{Plan: &PlanEvent{Train: len(train), Held: len(held), Steps: o.Steps, Trainable: fit.Trainable, Tokens: t.Tokens(),
		Arena: t.Stats().Arena, Dispatches: fit.Dispatches, Loss: o.Loss, Cut: cut, Hints: task.Hints(train), Recommended: recommended}})
	if from != nil {
		err = from.resume(ctx, t, fit)
	}
	if err == nil {
		err = e.train(ctx, t, method, fit, on)
	}
	t.Close()
	if err != nil {
		return nil, err
	}
	learned, err := method.Collapse(context.WithoutCancel(ctx), e.dev)
	if err != nil {
		return nil, err
	}
	if err := fit.finish(learned); err != nil {
		return nil, err
	}
	on(Event{Routing: fit.Routing})
	if o.Score && len(held) > 0 && !fit.Stopped {
		if err := e.table(ctx, fit, held, o, on); err != nil {
			return nil, err
		}
	}
	return fit, nil
}

// train runs the steps.
func (e *Engine) train(ctx context.Context, t *tune.Trainer, method *tune.Method, fit *Fit, on func(Event)) error {
	o := fit.options
	save := map[int]bool{}
	for _, s := range o.SaveSteps {
		save[s] = true
	}
	kept := time.Now()
	for !t.Done() {
		s, err := t.Step(ctx)
		if fault.Is(err, fault.Cancelled) || errors.Is(err, context.Canceled) {
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
		on(Event{Step: &ev})
		if every := o.SnapshotEvery; every > 0 && !t.Done() && time.Since(kept).Seconds() >= every {
			snap, err := e.snapshot(context.WithoutCancel(ctx), t, fit)
			if err != nil {
				return err
			}
			on(Event{Snapshot: snap})
			kept = time.Now()
		}
		routing := o.RoutingEvery > 0 && s.Step%o.RoutingEvery == 0 && !t.Done()
		if !save[s.Step] && !routing {
			continue
		}
		l, err := method.Collapse(ctx, e.dev)
		if err != nil {
			if ctx.Err() != nil {
				continue
			}
			return err
		}
		if routing && l.Inventory != nil {
			on(Event{Routing: routingOf(l.Inventory, s.Step)})
		}
		if save[s.Step] {
			files, err := adapterFiles(l)
			if err != nil {
				return err
			}
			on(Event{Save: &SaveEvent{Step: s.Step, Files: files}})
		}
	}
	return nil
}

// split parses the examples and parts them into training and held-out rows.
func (e *Engine) split(o *AdaptOptions) (train, held []task.Example, err error) {
	train, err = parse(o.Examples)
	if err != nil {
		return nil, nil, err
	}
	if o.Shots > 0 && o.Shots < len(train) {
		train, held = task.Shots(train, o.Shots, o.Seed)
	}
	switch {
	case o.Held != "":
		held, err = parse(o.Held)
	case o.Holdout > 0:
		if len(train) < 2 {
			return nil, nil, fault.Inputf("adapt", "--holdout %g of 1 row leaves none to train on", o.Holdout).Next("give more rows, or --holdout 0")
		}
		train, held = task.Split(train, o.Holdout, o.Seed)
	}
	return train, held, err
}

// Draw parts examples into shots, balanced over labels, and the others, both
// as JSONL.
func Draw(examples string, shots int, seed uint64) (train, rest string, err error) {
	exs, err := parse(examples)
	if err != nil {
		return "", "", err
	}
	if shots >= len(exs) {
		return "", "", fault.Inputf("eval", "--shots %d of %d rows leaves none to judge on", shots, len(exs)).Next("take fewer shots, or give more rows")
	}
	a, b := task.Shots(exs, shots, seed)
	return task.JSONLines(a), task.JSONLines(b), nil
}

// Limit keeps at most n rows, the ones that Evaluate judges with that limit: of
// each class about its share; 0: all.
func Limit(examples string, n int) (string, error) {
	exs, err := parse(examples)
	return task.JSONLines(limited(exs, n)), err
}

// table scores base, mean and the fine-tune on held-out rows.
func (e *Engine) table(ctx context.Context, fit *Fit, held []task.Example, o AdaptOptions, on func(Event)) error {
	ads := []Adapter{{Name: "base", tasks: 1}}
	if e.inv != nil {
		m, err := e.Adapter("mean")
		if err != nil {
			return err
		}
		ads = append(ads, m)
		defer e.Free(m)
	}
	adapted := fit.Adapter
	adapted.Name = "adapted"
	labels := o.Options
	if len(labels) == 0 {
		labels = labelsOf(held, o.Examples)
	}
	fit.held, fit.labels = held, labels
	for _, a := range append(ads, adapted) {
		row, err := e.evaluate(ctx, a, held, labels, EvalOptions{Instruction: o.Instruction, Truncate: o.Truncate})
		if err != nil {
			if fault.Is(err, fault.Cancelled) || ctx.Err() != nil {
				return nil // what was learned is kept; the table stays short
			}
			return err
		}
		fit.Scores = append(fit.Scores, *row)
		on(Event{Score: row})
	}
	return nil
}

// labelsOf are the classes of training and held-out rows together.
func labelsOf(held []task.Example, train string) []string {
	all, err := parse(train)
	if err != nil {
		all = nil
	}
	return task.Choices(append(all, held...))
}
