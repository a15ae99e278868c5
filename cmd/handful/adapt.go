package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/task"
)

func adaptCommand() *cobra.Command {
	var m modelFlags
	var examples, out, held string
	var o engine.AdaptOptions
	var decay float64
	var targets string
	c := &cobra.Command{
		Use:   "adapt --base PATH --inventory DIR --examples FILE --method z|mu|mhr|lora|ia3 --out DIR",
		Short: "Fine-tune on examples and write a PEFT adapter",
	}
	m.add(c, true)
	f := c.Flags()
	f.Lookup("adapter").Usage = "lora, ia3: begin with this adapter, not from scratch"
	d := engine.Defaults("z")
	f.StringVar(&examples, "examples", "", "examples: JSONL, JSON, CSV, TSV or `text => label` lines")
	f.StringVar(&held, "held", "", "rows to score on (a file); see also --holdout")
	columnFlags(f, &o.Sides)
	f.StringVar(&out, "out", "", "folder to write")
	f.StringVar(&o.Method, "method", "", "z (routing), mu (averaged adapter), mhr (everything), lora or ia3 (from scratch)")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.StringArrayVar(&o.Options, "option", nil, "a label to choose from (repeat it); default: the rows' options, or the outputs where they are few and come again")
	f.IntVar(&o.Steps, "steps", d.Steps, "optimiser steps")
	f.IntVar(&o.Batch, "batch", d.Batch, "rows a step")
	f.Float64Var(&o.LR, "lr", d.LR, "learning rate of A and B (lora, ia3: 0.01)")
	f.Float64Var(&o.RouterLR, "router-lr", d.RouterLR, "learning rate of the routing")
	f.Float64Var(&decay, "weight-decay", 0, "decoupled decay of every trained tensor (default 0.01, for logits and adafactor 0)")
	f.Float64Var(&o.Clip, "clip", d.Clip, "clip the gradients' global norm; 0: off")
	f.IntVar(&o.Warmup, "warmup", d.Warmup, "warm-up steps; 0: off")
	f.StringVar(&o.Schedule, "schedule", d.Schedule, "constant or linear")
	f.StringVar(&o.Optimizer, "optimizer", d.Optimizer, "adamw or adafactor")
	f.BoolVar(&o.ScaleParameter, "scale-parameter", d.ScaleParameter, "adafactor: rates relative to each tensor's size")
	f.StringVar(&o.Loss, "loss", d.Loss, "lm, tfew (over the answers that each row could have), ni (smoothed) or auto (tfew where there are answers to choose from, else lm)")
	f.StringVar(&o.RouterInit, "router-init", d.RouterInit, "fresh, mean, task:ID, best (the training task that fits the examples best), best:K (the mean of K) or keep (mhr)")
	f.StringVar(&o.Selector, "selector", d.Selector, "from logits to weights: sigmoid (or what an mttl checkpoint says), l2, straight-through, correction or shared")
	f.StringVar(&o.Granularity, "granularity", d.Granularity, "a router for each: fine (linear), layer, block, coder or coarse (the model)")
	f.BoolVar(&o.Relaxed, "relaxed", false, "sample routes while training (relaxed Bernoulli)")
	f.StringVar(&o.Order, "order", d.Order, "shuffle or file")
	f.IntVar(&o.Shots, "shots", 0, "draw this many rows, balanced; 0: all")
	f.Float64Var(&o.Holdout, "holdout", 0, "fraction of rows kept aside and scored")
	f.StringVar(&o.Keep, "keep", d.Keep, "what is written: the last state, or the best, of the lowest loss on held-out rows (of up to ten that are tried)")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.IntSliceVar(&o.SaveSteps, "save-steps", nil, "steps to save, such as 1,10")
	f.IntVar(&o.Rank, "rank", d.Rank, "rank of lora")
	f.Float64Var(&o.Alpha, "alpha", d.Alpha, "alpha of lora; the update is scaled by alpha/rank")
	f.StringVar(&targets, "targets", "", "modules of lora or ia3 from scratch: a comma-separated list, one regex, all-linear, or the paper's for T5: t0, ni, ia3; ia3 scales the input of down_proj and wo, the output of others")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.check(c, "base", "examples", "method", "out"); err != nil {
			return err
		}
		o.FromAdapter = m.adapter != ""
		if o.Seed = m.seed; !f.Changed("lr") {
			o.LR = engine.Defaults(o.Method).LR
		}
		if f.Changed("weight-decay") {
			o.WeightDecay = &decay
		}
		if targets != "" {
			o.Targets = splitTargets(targets)
		}
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		var err error
		if o.Examples, err = readText("--examples", examples); err != nil {
			return err
		}
		if held != "" {
			if o.Held, err = readText("--held", held); err != nil {
				return err
			}
			if strings.TrimSpace(o.Held) == "" {
				return fault.Inputf("--held", "%s is empty, want rows to score on", held).Next("leave --held out, or see --holdout")
			}
		}
		o.Score = o.Held != "" || o.Holdout > 0
		w, err := newOutput(out)
		if err != nil {
			return err
		}
		defer w.abandon()
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		e.Recommend(&o, f.Changed)
		return runAdapt(c, e, o, w, m.loaded)
	}
	return c
}

// columnFlags say which columns of a file of examples are read.
func columnFlags(f *pflag.FlagSet, s *task.Sides) {
	f.StringVar(&s.Input, "input-column", "", "the examples' column that is the input, by its name in the header or its number from 1; of JSON the field")
	f.StringVar(&s.Output, "output-column", "", "likewise the column that is the output")
	f.BoolVar(&s.NoHeader, "no-header", false, "the table's first line is a row: columns go by number")
}

// splitTargets reads a list of names; a text with anything but names and
// commas is one regex.
func splitTargets(s string) []string {
	if strings.ContainsAny(s, `()[]{}|*+?^$\`) {
		return []string{s}
	}
	return strings.Split(s, ",")
}

// runAdapt adapts and writes the result.
func runAdapt(c *cobra.Command, e *engine.Engine, o engine.AdaptOptions, w *output, loaded func()) error {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	p := newAdaptProgress(e.Info(), o.Steps, loaded)
	var failed error
	fit, err := e.Adapt(ctx, o, func(ev engine.Event) {
		p.show(ev)
		if ev.Save != nil {
			if failed = w.write(fmt.Sprintf("step%d", ev.Save.Step), ev.Save.Files); failed != nil {
				cancel() // the rest could not be kept either
			}
		}
	})
	p.clear()
	if failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if err := w.write("", fit.Export()); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	p.end(fit)
	if err := likes(c.Context(), e, fit); err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), w.shown)
	return nil
}

// likes tells which training tasks a fine-tune is like, as far as the inventory
// lets it be known.
func likes(ctx context.Context, e *engine.Engine, fit *engine.Fit) error {
	const top = 5
	if fit.Method == "z" {
		tasks, err := e.Similar(fit, top)
		if err != nil {
			return err
		}
		like("routes", tasks)
	}
	if i := e.Info().Inventory; i != nil && i.Gradients && !fit.Stopped {
		tasks, err := e.Aligned(ctx, fit, top)
		if err != nil {
			return err
		}
		like("has gradients", tasks)
	}
	return nil
}
