package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
)

// pretrainFlags are what the command line adds to engine.PretrainOptions.
type pretrainFlags struct {
	model                        modelFlags
	o                            engine.PretrainOptions
	tasks, batches, out, targets string
	baseInit                     string
	resume                       bool
	decay                        float64
}

func pretrainCommand() *cobra.Command {
	p := &pretrainFlags{o: engine.PretrainDefaults()}
	c := &cobra.Command{
		Use:   "pretrain --base PATH --tasks DIR --skills S --splits Q --rank R --out DIR",
		Short: "Train an inventory of skills on many tasks, and the base with it where asked",
		Long: "Trains skills and routers on batches that mix tasks. OUT holds train.jsonl and checkpoint.safetensors while\n" +
			"it runs; killed at any step, --resume goes on with the same result. Ctrl-C keeps the last state.",
	}
	p.model.add(c, false)
	f, o := c.Flags(), &p.o
	f.StringVar(&p.tasks, "tasks", "", "tasks: a folder with manifest.json and train/*.jsonl, or with *.jsonl")
	f.StringVar(&p.batches, "batches", "", `given batches instead of drawn ones: a line a step, {"step", "rows": [{"input_ids", "labels", "task_id"}]}`)
	f.StringVar(&p.out, "out", "", "folder to write")
	f.BoolVar(&p.resume, "resume", false, "go on with the run that --out holds")
	f.IntVar(&o.Skills, "skills", o.Skills, "skills of the inventory; 0: none, the base alone is trained")
	f.IntVar(&o.Splits, "splits", o.Splits, "heads, which divide the sizes of every adapted linear")
	f.IntVar(&o.Rank, "rank", o.Rank, "rank of each skill")
	f.StringVar(&p.targets, "targets", "", "adapted linears: a comma-separated list or one regex; all of the blocks by default")
	f.StringVar(&o.InitRows, "init-rows", o.InitRows, "router rows at first: fresh, or sparse:K:SCALE, K of the skills in each head for each category of tasks")
	f.StringVar(&o.Granularity, "granularity", o.Granularity, "a router for each: fine (linear), layer, block, coder or coarse (the model)")
	f.BoolVar(&o.Relaxed, "relaxed", false, "sample routes while training (relaxed Bernoulli)")
	f.BoolVar(&o.TrainBase, "base-trainable", false, "train the base's own weights too")
	f.StringVar(&p.baseInit, "base-init", "stored", "with --base-trainable: stored, or random, which wants only config.json and a tokenizer")
	f.IntVar(&o.Steps, "steps", o.Steps, "optimiser steps")
	f.IntVar(&o.Groups, "groups", o.Groups, "task groups a step")
	f.IntVar(&o.Batch, "batch", o.Batch, "rows a task group")
	f.Float64Var(&o.LR, "lr", o.LR, "learning rate of A and B")
	f.Float64Var(&o.RouterLR, "router-lr", o.RouterLR, "learning rate of the routing")
	f.Float64Var(&o.BaseLR, "base-lr", o.BaseLR, "learning rate of the base's weights")
	f.Float64Var(&p.decay, "weight-decay", 0, "decoupled decay of every trained tensor (default 0.01, for logits 0)")
	f.Float64Var(&o.Clip, "clip", o.Clip, "clip the gradients' global norm; 0: off")
	f.IntVar(&o.Warmup, "warmup", o.Warmup, "warm-up steps; 0: off, -1: 6 % of the steps")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "constant or linear")
	f.BoolVar(&o.Ship, "ship", false, "only tasks that may be shipped")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.Float64Var(&o.Held, "held", o.Held, "fraction of each task's rows kept aside, by a hash of the row")
	f.IntVar(&o.HeldRows, "held-rows", o.HeldRows, "rows of each task that are scored; 0: all that are kept aside")
	f.IntVar(&o.EvalEvery, "eval-every", 0, "steps between scores of what is kept aside; 0: at the end")
	f.IntVar(&o.SaveEvery, "save-every", 0, "steps between checkpoints; 0: at the end")
	f.StringVar(&o.DType, "dtype", o.DType, "of what is written: F32 or F16")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if f.Changed("weight-decay") {
			o.WeightDecay = &p.decay
		}
		return p.run(c)
	}
	return c
}

// check refuses what no model could make right.
func (p *pretrainFlags) check(c *cobra.Command) error {
	if err := p.model.check(c, "base", "out"); err != nil {
		return err
	}
	switch {
	case p.tasks == "" && p.batches == "":
		return usageError{fmt.Errorf("pretrain wants --tasks or --batches")}
	case p.baseInit != "stored" && p.baseInit != "random":
		return usageError{fmt.Errorf("--base-init: got %q, want stored or random", p.baseInit)}
	case p.baseInit == "random" && !p.o.TrainBase:
		return usageError{fmt.Errorf("--base-init random goes with --base-trainable")}
	}
	p.o.Seed = p.model.seed
	if p.targets != "" {
		p.o.Targets = splitTargets(p.targets)
	}
	// What the files hold is checked later: these stand for them.
	probe := p.o
	probe.Tasks = format.Folder{{}}
	if err := probe.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

func (p *pretrainFlags) run(c *cobra.Command) error {
	if err := p.check(c); err != nil {
		return err
	}
	if err := p.files(); err != nil {
		return err
	}
	w, err := newRun(p.out, p.resume)
	if err != nil {
		return err
	}
	defer w.close()
	p.o.Resume = w.resume
	p.model.trainBase, p.model.randomBase = p.o.TrainBase, p.baseInit == "random"
	e, err := p.model.open(c.Context())
	if err != nil {
		return err
	}
	defer p.model.close()
	defer e.Close()
	return p.train(c, e, w)
}

// files opens what the options name.
func (p *pretrainFlags) files() (err error) {
	if p.tasks != "" {
		if p.o.Tasks, err = openTree("--tasks", p.tasks); err != nil {
			return err
		}
	}
	if p.batches != "" {
		f, err := openFolder("--batches", p.batches)
		if err != nil {
			return err
		}
		if st, err := os.Stat(p.batches); err == nil && st.IsDir() {
			return fault.Inputf("--batches", "%s is a folder, want a file", p.batches)
		}
		p.o.Batches = &f[0]
	}
	p.o.Name = filepath.Base(filepath.Clean(p.out))
	p.o.BaseFile, p.o.BaseHash, err = hashBase(p.model.base)
	return err
}

// hashBase gives the file that holds a base's weights, and its SHA-256; nothing
// for a base in shards or without weights.
func hashBase(path string) (name, sum string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", "", pathFault("--base", path, err)
	}
	if st.IsDir() {
		if path = filepath.Join(path, "model.safetensors"); !exists(path) {
			return "", "", nil
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "", pathFault("--base", path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", "", pathFault("--base", path, err)
	}
	return filepath.Base(path), hex.EncodeToString(h.Sum(nil)), nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// train runs and writes.
func (p *pretrainFlags) train(c *cobra.Command, e *engine.Engine, w *runFolder) error {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	show := newPretrainProgress(e.Info(), p.o.Steps, p.model.loaded)
	r, err := e.Pretrain(ctx, p.o, func(ev engine.PretrainEvent) error {
		show.event(ev)
		switch {
		case ev.Plan != nil:
			return w.begin(ev.Plan.Done)
		case ev.Step != nil:
			return w.log(ev.Step)
		case ev.Held != nil:
			return w.log(ev.Held)
		case ev.Checkpoint != nil:
			return w.save(ev.Checkpoint)
		}
		return nil
	})
	show.clear()
	if err != nil {
		return err
	}
	if err := w.finish(r.Export(), r.Stopped); err != nil {
		return err
	}
	show.end(r)
	fmt.Fprintln(c.OutOrStdout(), p.out)
	return nil
}
