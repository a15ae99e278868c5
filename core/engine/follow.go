package engine

import (
	"context"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// How held-out rows are followed while training. The plan hangs on the rows and
// the settings alone, not on the clock: a run that is repeated or gone on with
// is measured after the same steps, and keeps the same state.
const (
	followTimes   = 10   // in a run, where they fit
	followShare   = 0.15 // of the run's time, at most
	followFewest  = 16   // rows, if there are so many: fewer say little
	stepInForward = 2    // what a step costs in forwards of its rows, see BenchmarkFollowing
)

// following is what is asked of held-out rows while training, and what they said.
type following struct {
	rows  []tune.Row
	times int           // in the run
	out   *tune.HeldOut // on the device as it is; nil: not followed
	best  *heldBest     // with KeepBest, once there is one
	why   string        // rows are not followed
}

// heldBest is the state of the lowest loss so far.
type heldBest struct {
	HeldStep
	State []byte `json:"-"` // tune.Trainer.Snapshot
}

// follow plans which of the held-out rows are followed and how often, so that it
// takes no more than its share of a run on train. labels are the choices of rows
// that bring none. Rows that can't be followed are a fault only where what is
// kept hangs on them.
func (e *Engine) follow(train []tune.Row, held []task.Example, labels []string, o AdaptOptions) (f following, err error) {
	if len(held) == 0 || !o.Score && o.Keep != KeepBest {
		return f, nil
	}
	if f.rows, err = e.heldRows(held, labels, o); err != nil {
		if o.Keep == KeepBest {
			return f, err
		}
		return following{why: err.Error()}, nil
	}
	stepped := 0 // tokens
	for _, b := range task.Batches(len(train), o.Batch, o.Steps, o.Order, o.Seed) {
		for _, i := range b {
			stepped += train[i].Tokens()
		}
	}
	room := followShare * stepInForward * float64(stepped)
	row := float64(tokens(f.rows)) / float64(len(held))
	f.times = min(followTimes, o.Steps)
	if n := max(followFewest, int(room/row)/f.times); n < len(held) {
		if f.rows, err = e.heldRows(limited(held, n), labels, o); err != nil {
			return f, err
		}
	}
	f.times = max(1, min(f.times, int(room)/tokens(f.rows)))
	return f, nil
}

// heldRows are held-out rows as the loss wants them.
func (e *Engine) heldRows(held []task.Example, labels []string, o AdaptOptions) ([]tune.Row, error) {
	rows, _, err := e.encode(held, o.Instruction, o.Truncate)
	if err == nil && o.Loss == tune.LossTFew {
		err = e.addOthers(rows, held, labels, &o)
	}
	return rows, err
}

const notFollowed = "the loss of the held-out rows is not told while training: "

// readyToFollow compiles what asks the held-out rows. Where there is no room for
// it beside the trainer, the run goes on without, unless its result hangs on it.
func (r *run) readyToFollow(ctx context.Context) (err error) {
	if r.follow.out = nil; len(r.follow.rows) == 0 {
		return nil
	}
	r.follow.out, err = tune.NewHeldOut(ctx, r.e.dev, r.e.model, r.method, r.follow.rows, r.fit.options.Loss)
	if fault.Is(err, fault.Memory) && r.fit.options.Keep != KeepBest {
		r.follow.rows, r.plan.Followed = nil, 0
		r.plan.Hints = append(r.plan.Hints, notFollowed+err.Error())
		return nil
	}
	return err
}

func tokens(rows []tune.Row) (n int) {
	for _, r := range rows {
		n += r.Tokens()
	}
	return n
}

// due tells whether rows are asked after a step: times in a run, evenly, the
// last time after its last step.
func (f *following) due(step, steps int) bool {
	return f.out != nil && step*f.times/steps > (step-1)*f.times/steps
}

// followed asks the held-out rows after a step, and keeps the state where that
// is wanted and none was better.
func (r *run) followed(ctx context.Context, t *tune.Trainer) error {
	if !r.follow.due(t.At(), r.fit.options.Steps) {
		return nil
	}
	loss, err := r.follow.out.Loss(ctx)
	if err == nil && !isFinite(loss) && r.e.dev.mayFail() {
		loss, err = r.follow.out.Loss(ctx) // a read may go wrong once
	}
	if err != nil || !isFinite(loss) { // of a loss that is no number the table tells the row
		return err
	}
	still := context.WithoutCancel(ctx)
	h := HeldStep{Step: t.At(), Loss: loss}
	if r.fit.options.Keep == KeepBest && (r.follow.best == nil || loss < r.follow.best.Loss) {
		b := &heldBest{HeldStep: h}
		if b.State, err = t.Snapshot(still); err != nil {
			return r.suspect(err)
		}
		if err := r.e.dev.check(still); err != nil {
			return err
		}
		r.follow.best = b
	}
	r.fit.HeldLosses = append(r.fit.HeldLosses, h)
	r.on(Event{Held: &h})
	return nil
}

// choose brings the trainer to the state that is kept.
func (r *run) choose(ctx context.Context, t *tune.Trainer) error {
	r.fit.Kept = t.At()
	if b := r.follow.best; b != nil && b.Step != t.At() {
		r.fit.Kept = b.Step
		return t.Restore(ctx, b.State)
	}
	return nil
}
