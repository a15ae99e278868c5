package engine

import (
	"context"
	"slices"

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
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	return e.adapt(ctx, o, nil, on)
}

// adapt is Adapt and Resume: from is a run to go on with, or nil.
func (e *Engine) adapt(ctx context.Context, o AdaptOptions, from *checkpoint, on func(Event)) (*Fit, error) {
	if on == nil {
		on = func(Event) {}
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := o.nameColumns(); err != nil {
		return nil, err
	}
	asked := o
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
	if o.Keep == KeepBest && len(held) == 0 {
		return nil, fault.Inputf("adapt", "--keep best and no held-out rows to tell what is best").Next("give some with --held or --holdout, or take --keep last")
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
	follow, err := e.follow(rows, held, labels, o)
	if err != nil {
		return nil, err
	}
	hints := task.Hints(train)
	if fromSkills(o.Method) && len(o.Targets) > 0 {
		hints = append(hints, o.Method+" trains where the skills are: targets are not looked at")
	}
	if follow.why != "" {
		hints = append(hints, notFollowed+follow.why)
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
	fit := &Fit{Method: o.Method, Trainable: method.Trainable(), Device: e.dev.Info(), Start: start, options: o, asked: asked, recommended: recommended, prompted: sameOptions(train), base: base, inventory: inventory}
	r := &run{e: e, method: method, rows: rows, fit: fit, on: on, follow: follow, kept: from, plan: PlanEvent{Train: len(train), Held: len(held), Followed: len(follow.rows), Steps: o.Steps, Trainable: fit.Trainable,
		Loss: o.Loss, Cut: cut, Hints: hints, Recommended: recommended}}
	learned, err := r.learn(ctx)
	if err != nil {
		return nil, err
	}
	if err := fit.finish(learned); err != nil {
		return nil, err
	}
	on(Event{Routing: fit.Routing})
	if o.Score && len(held) > 0 && !fit.Stopped {
		fit.held, fit.labels = held, o.Options
		if len(fit.labels) == 0 {
			fit.labels = labelsOf(held, o.Examples)
		}
		e.table(ctx, fit, o, on)
	}
	return fit, nil
}

// nameColumns gives the columns that o names the names that are read, so that
// whoever gets the rows later can read them without.
func (o *AdaptOptions) nameColumns() (err error) {
	if o.Examples, err = o.Sides.Name("examples", o.Examples); err == nil && o.Held != "" {
		o.Held, err = o.Sides.Name("held", o.Held)
	}
	o.Sides = task.Sides{}
	return err
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

// scores is the table: base, mean and the fine-tune.
func (e *Engine) scores(ctx context.Context, fit *Fit, o AdaptOptions, on func(Event)) error {
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
	for _, a := range append(ads, adapted) {
		row, err := e.evaluate(ctx, a, fit.held, fit.labels, EvalOptions{Instruction: o.Instruction, Truncate: o.Truncate})
		if err != nil {
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
