package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"handful/core/fault"
	"handful/core/format/safetensors"
	"handful/core/pretrain"
	"handful/core/skill"
	"handful/core/task"
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
		what.Method = tune.MHR(inv)
		defer what.Method.Free(e.dev)
	}
	if o.TrainBase {
		what.Base = e.baseVars()
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

// corpus is what a run learns from.
type corpus struct {
	tasks   []pretrain.Task // row i of the routers is task i; empty for given batches without a folder
	rows    []tune.Row
	batches [][]int
	held    [][]tune.Row // of each task
	cut     int
	notes   []string       // what was left out
	names   map[int]string // of router rows, where given batches tell
}

// corpus reads, encodes and parts the tasks, and draws the batches or reads
// them.
func (e *Engine) corpus(o *PretrainOptions) (*corpus, error) {
	c := &corpus{}
	var err error
	if len(o.Tasks) > 0 {
		if c.tasks, c.notes, err = pretrain.ReadTasks(o.Tasks, o.Ship); err != nil {
			return nil, err
		}
	}
	var taskOf, tokens []int
	var family []string
	for i, t := range c.tasks {
		train, held := pretrain.Split(t, o.Held)
		family = append(family, t.Family)
		for k, exs := range [][]task.Example{train, held} {
			rows, cut, err := e.encode(exs, t.Instruction, o.Truncate)
			if err != nil {
				return nil, pretrain.InFile(t.File, err)
			}
			c.cut += len(cut)
			for j := range rows {
				rows[j].Task = i
			}
			if k == 1 {
				c.held = append(c.held, rows[:min(len(rows), most(o.HeldRows, len(rows)))])
				continue
			}
			for _, r := range rows {
				taskOf, tokens = append(taskOf, i), append(tokens, len(r.IDs))
			}
			if o.Batches == nil {
				c.rows = append(c.rows, rows...)
			}
		}
	}
	if o.Batches == nil {
		c.batches = pretrain.Batches(taskOf, tokens, family, pretrain.Sampling{Groups: o.Groups, Rows: o.Batch, Steps: o.Steps, Seed: o.Seed})
		return c, nil
	}
	m := e.model.Config()
	in := io.NewSectionReader(o.Batches, 0, o.Batches.Size())
	g, err := pretrain.ReadBatches(o.Batches.Name, in, task.Limits{Tokens: m.Context, Vocab: m.Vocab, Truncate: o.Truncate}, o.Steps)
	if err != nil {
		return nil, err
	}
	c.rows, c.batches, c.names = g.Rows, g.Batches, g.Names
	if len(c.batches) < o.Steps {
		return nil, fault.Inputf("batches", "%s has %d batches, want one for each of --steps %d", o.Batches.Name, len(c.batches), o.Steps)
	}
	return c, nil
}

// most is a limit, where 0 is none.
func most(limit, all int) int {
	if limit == 0 {
		return all
	}
	return limit
}

// fingerprint is a hash of everything that is trained on, in order.
func (c *corpus) fingerprint() string {
	h := sha256.New()
	for _, b := range c.batches {
		for _, i := range b {
			r := c.rows[i]
			fmt.Fprint(h, r.Task, len(r.IDs))
			h.Write(tensor.I32Bytes(r.IDs))
			h.Write(tensor.I32Bytes(r.Labels))
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// count is how many router rows the corpus names.
func (c *corpus) count() int {
	n := max(1, len(c.tasks))
	for _, r := range c.rows {
		n = max(n, r.Task+1)
	}
	return n
}

// skills is the inventory to train: a new one, or the open one, whose rows must
// be those of the tasks.
func (e *Engine) skills(o *PretrainOptions, c *corpus) (*skill.Inventory, error) {
	if e.inv != nil {
		if n := c.count(); n > e.inv.Tasks {
			return nil, fault.Inputf("pretrain", "%d tasks, the inventory's routers have %d rows", n, e.inv.Tasks).Next("go on with the tasks that it was made for")
		}
		if m := e.inv.Manifest; m != nil && len(c.tasks) > 0 {
			for i, t := range c.tasks {
				if i >= len(m.Tasks) || m.Tasks[i] != t.Name {
					return nil, fault.Inputf("pretrain", "task %d is %q, which is not the inventory's", i, t.Name).Next("go on with the tasks that it was made for, in their order")
				}
			}
		}
		return e.inv, nil
	}
	rows, err := pretrain.ParseRowInit(o.InitRows)
	if err != nil {
		return nil, err
	}
	sites, targets, regex, err := e.sites("pretrain", o.Targets)
	if err != nil {
		return nil, err
	}
	category := make([]string, c.count())
	for i, t := range c.tasks {
		if category[i] = t.Category; category[i] == "" {
			category[i] = t.Family
		}
	}
	cfg := skill.Config{TaskType: "CAUSAL_LM", Splits: o.Splits, Skills: o.Skills, Rank: o.Rank, Tasks: len(category), Targets: targets, Regex: regex}
	if e.ckpt.Name != e.ckpt.Config.ModelType && !o.TrainBase {
		cfg.Base = e.ckpt.Name
	}
	return pretrain.NewInventory(cfg, sites, e.dims(), category, rows, o.Seed)
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

// held scores what is kept aside, each row by its own task's routing.
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
	for _, v := range r.e.baseVars() {
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
