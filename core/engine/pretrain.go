package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"

	"handful/core/fault"
	"handful/core/format/safetensors"
	"handful/core/route"
	"handful/core/tensor"
	"handful/core/tune"
)

// Pretrain trains an inventory of skills on many tasks, and the base with it
// where it was opened with TrainBase. With an inventory open it goes on from
// that one. Cancelling ctx stops after a step and keeps what was learned
// (Pretrained.Stopped). on is called between steps, on the caller's goroutine;
// an error of it ends the run.
func (e *Engine) Pretrain(ctx context.Context, o PretrainOptions, on func(PretrainEvent) error) (_ *Pretrained, err error) {
	defer e.lock()()
	defer fault.Recover("pretrain", &err)
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.TrainBase && !e.trains {
		return nil, fault.New(fault.Bug, "pretrain", "the base was not opened with TrainBase")
	}
	c, err := e.corpus(&o)
	if err != nil {
		return nil, err
	}
	what := tune.Pretraining{Optim: o.optim(), BaseLR: o.BaseLR}
	if o.Skills > 0 {
		inv, err := e.skills(&o, c)
		if err != nil {
			return nil, err
		}
		if what.Method = tune.MHR(inv); o.Relaxed {
			what.Method.Sample(o.Seed)
		}
		defer what.Method.Free(e.dev)
	}
	if o.TrainBase {
		what.Base = e.model.Vars()
	}
	t, err := tune.NewPretrainer(ctx, e.dev, e.model, what, c.rows, c.batches)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	settings, err := o.settings(c.fingerprint())
	if err != nil {
		return nil, err
	}
	if o.Resume != nil {
		if err := resume(ctx, t, &o, settings); err != nil {
			return nil, err
		}
	}
	r := &pretraining{e: e, o: &o, c: c, t: t, method: what.Method, settings: settings, on: on}
	return r.run(ctx)
}

// resume restores a checkpoint of the same settings; the fault names the first
// that differs.
func resume(ctx context.Context, t *tune.Pretrainer, o *PretrainOptions, settings map[string]json.RawMessage) error {
	f, err := safetensors.Open(o.Resume)
	if err != nil {
		return err
	}
	var had map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f.Metadata["settings"]), &had); err != nil {
		return fault.Inputf("resume", "this is no checkpoint of pre-training: %w", err)
	}
	var names []string
	for k := range settings {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		if !bytes.Equal(had[k], settings[k]) {
			return fault.Inputf("resume", "%s was %.80s, is %.80s", k, had[k], settings[k]).Next("go on with the settings that the run began with, or name a new folder")
		}
	}
	return t.Restore(ctx, f)
}

// pretraining is a run.
type pretraining struct {
	e        *Engine
	o        *PretrainOptions
	c        *corpus
	t        *tune.Pretrainer
	method   *tune.Method // nil: the base alone
	settings map[string]json.RawMessage
	on       func(PretrainEvent) error
	out      Pretrained
}

func (r *pretraining) run(ctx context.Context) (*Pretrained, error) {
	if err := r.plan(); err != nil {
		return nil, err
	}
	begun := r.t.Steps()
	saved := begun
	for !r.t.Done() {
		if ctx.Err() != nil {
			r.out.Stopped = true
			break
		}
		s, err := r.t.Step(ctx)
		if err != nil {
			return nil, err
		}
		if r.out.Last = s.Loss; s.Step == begun+1 {
			r.out.First = s.Loss
		}
		if err := r.on(PretrainEvent{Step: &PretrainStep{s.Step, s.Loss, s.LR, s.GradNorm, s.Duration.Seconds() * 1e3}}); err != nil {
			return nil, err
		}
		if every := r.o.SaveEvery; every > 0 && s.Step%every == 0 {
			if err := r.save(ctx); err != nil {
				return nil, err
			}
			saved = s.Step
		}
		if every := r.o.EvalEvery; every > 0 && s.Step%every == 0 && !r.t.Done() {
			if err := r.held(ctx); err != nil {
				return nil, err
			}
		}
	}
	r.out.Steps = r.t.Steps()
	if r.out.Steps == 0 {
		return nil, fault.From("pretrain", ctx.Err()) // stopped before anything was learned
	}
	ctx = context.WithoutCancel(ctx)
	if saved < r.out.Steps {
		if err := r.save(ctx); err != nil {
			return nil, err
		}
	}
	if !r.out.Stopped {
		if err := r.held(ctx); err != nil {
			return nil, err
		}
	}
	return &r.out, r.finish(ctx)
}

// plan says what will be done.
func (r *pretraining) plan() error {
	p := &PretrainPlan{Tasks: r.c.count(), Rows: len(r.c.rows), Steps: r.o.Steps, Done: r.t.Steps(), Trainable: r.t.Trainable(), Shapes: r.t.Shapes(),
		Arena: r.t.Stats().Arena, Dispatches: r.t.Stats().Dispatches, Cut: r.c.cut, Notes: r.c.notes}
	families := map[string]bool{}
	for i, t := range r.c.tasks {
		families[t.Family] = true
		p.Held += len(r.c.held[i])
	}
	p.Families = len(families)
	return r.on(PretrainEvent{Plan: p})
}

// save hands a checkpoint out.
func (r *pretraining) save(ctx context.Context) error {
	b, err := json.Marshal(r.settings)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return r.on(PretrainEvent{Checkpoint: &Checkpoint{r.t.Steps(), func(w io.Writer) error {
		return r.t.Snapshot(ctx, w, map[string]string{"settings": string(b)})
	}}})
}

// held scores what is kept aside, each row by its own task's plain routing.
func (r *pretraining) held(ctx context.Context) error {
	var rows []tune.Row
	for _, h := range r.c.held {
		rows = append(rows, h...)
	}
	if len(rows) == 0 {
		return nil
	}
	sc := tune.NewScorer(r.e.dev, r.e.model, nil, 1, false)
	if r.method != nil {
		poly := r.method.Adapter.(*route.Poly)
		sampled := poly.Sampled
		poly.Sampled = false
		defer func() { poly.Sampled = sampled }()
		sc = tune.NewScorer(r.e.dev, r.e.model, r.method.Adapter, r.method.Tasks, false)
	}
	defer sc.Close()
	scores, err := sc.Score(ctx, rows)
	if ctx.Err() != nil {
		return nil // the next look at ctx ends the run
	}
	if err != nil {
		return err
	}
	h := &HeldLoss{Step: r.t.Steps(), Tasks: map[string]float64{}}
	for i, t := range r.c.tasks {
		sum, n := 0.0, 0
		for range r.c.held[i] {
			sum, n, scores = sum+scores[0].Sum, n+scores[0].Tokens, scores[1:]
		}
		if n > 0 {
			h.Tasks[t.Name] = sum / float64(n)
			h.Loss += h.Tasks[t.Name]
		}
	}
	h.Loss /= float64(len(h.Tasks))
	r.out.Held = h
	return r.on(PretrainEvent{Held: h})
}

// finish reads what was learned and makes the files.
func (r *pretraining) finish(ctx context.Context) error {
	if r.method != nil {
		l, err := r.method.Collapse(ctx, r.e.dev)
		if err != nil {
			return err
		}
		files, err := r.inventoryFiles(l.Inventory)
		if err != nil {
			return err
		}
		r.out.files = files
	}
	if !r.o.TrainBase {
		return nil
	}
	values := map[string][]float32{}
	for _, v := range r.e.model.Vars() {
		x := make([]float32, tensor.Numel(v.Shape))
		if err := r.e.dev.ReadVar(ctx, v, tensor.F32Bytes(x)); err != nil {
			return err
		}
		values[v.Name] = x
	}
	files, err := r.e.baseFolder(values, r.o.DType == "F16")
	r.out.files = append(r.out.files, files...)
	return err
}
