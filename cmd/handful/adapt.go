package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"handful/core/engine"
	"handful/core/fault"
)

func adaptCommand() *cobra.Command {
	var m modelFlags
	var examples, out, held string
	var o engine.AdaptOptions
	var decay float64
	var targets string
	c := &cobra.Command{
		Use:   "adapt --base PATH --inventory DIR --examples FILE --method z|mu|mhr|lora --out DIR",
		Short: "Fine-tune on examples and write a PEFT adapter",
	}
	m.add(c, false)
	f := c.Flags()
	d := engine.Defaults("z")
	f.StringVar(&examples, "examples", "", "examples: JSONL, JSON, CSV, TSV or `text => label` lines")
	f.StringVar(&held, "held", "", "rows to score on (a file); see also --holdout")
	f.StringVar(&out, "out", "", "folder to write")
	f.StringVar(&o.Method, "method", "", "z (routing), mu (averaged adapter), mhr (everything), lora (from scratch)")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.IntVar(&o.Steps, "steps", d.Steps, "optimiser steps")
	f.IntVar(&o.Batch, "batch", d.Batch, "rows a step")
	f.Float64Var(&o.LR, "lr", d.LR, "learning rate of A and B (lora: 0.01)")
	f.Float64Var(&o.RouterLR, "router-lr", d.RouterLR, "learning rate of the routing")
	f.Float64Var(&decay, "weight-decay", 0, "decoupled decay of every trained tensor (default 0.01, for logits 0)")
	f.Float64Var(&o.Clip, "clip", d.Clip, "clip the gradients' global norm; 0: off")
	f.IntVar(&o.Warmup, "warmup", d.Warmup, "warm-up steps; 0: off")
	f.StringVar(&o.Schedule, "schedule", d.Schedule, "constant or linear")
	f.StringVar(&o.Optimizer, "optimizer", d.Optimizer, "adamw")
	f.StringVar(&o.Loss, "loss", d.Loss, "lm")
	f.StringVar(&o.RouterInit, "router-init", d.RouterInit, "fresh, mean, task:ID or keep (mhr)")
	f.StringVar(&o.Order, "order", d.Order, "shuffle or file")
	f.IntVar(&o.Shots, "shots", 0, "draw this many rows, balanced; 0: all")
	f.Float64Var(&o.Holdout, "holdout", 0, "fraction of rows kept aside and scored")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.IntSliceVar(&o.SaveSteps, "save-steps", nil, "steps to save, such as 1,10")
	f.IntVar(&o.Rank, "rank", d.Rank, "rank of lora")
	f.Float64Var(&o.Alpha, "alpha", d.Alpha, "alpha of lora; the update is scaled by alpha/rank")
	f.StringVar(&targets, "targets", "", "modules of lora: a comma-separated list or one regex")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "base", "examples", "method", "out"); err != nil {
			return err
		}
		if o.Seed = m.seed; o.Method == "lora" && !f.Changed("lr") {
			o.LR = engine.Defaults("lora").LR
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
		return runAdapt(c, e, o, w)
	}
	return c
}

// splitTargets reads a list of names; a text with anything but names and
// commas is one regex.
func splitTargets(s string) []string {
	if strings.ContainsAny(s, `()[]{}|*+?^$\`) {
		return []string{s}
	}
	return strings.Split(s, ",")
}

func runAdapt(c *cobra.Command, e *engine.Engine, o engine.AdaptOptions, w *output) error {
	tty := term.IsTerminal(int(os.Stderr.Fd()))
	bar := progressbar.NewOptions(o.Steps, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("adapting"),
		progressbar.OptionSetVisibility(tty), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	info := e.Info()
	fmt.Fprintf(os.Stderr, "device: %s (%s): %s\n", info.Device.Name, info.Device.Kind, info.DeviceWhy)
	var failed error
	fit, err := e.Adapt(c.Context(), o, func(ev engine.Event) {
		switch {
		case ev.Plan != nil:
			fmt.Fprintf(os.Stderr, "%d rows, %d held out, %d trainable parameters, %d steps\n", ev.Plan.Train, ev.Plan.Held, ev.Plan.Trainable, ev.Plan.Steps)
			for _, x := range ev.Plan.Cut {
				fmt.Fprintf(os.Stderr, "line %d: %d tokens cut from the front of its input\n", x.Line, x.Tokens)
			}
			for _, h := range ev.Plan.Hints {
				fmt.Fprintln(os.Stderr, "note:", h)
			}
		case ev.Step != nil:
			bar.Describe(fmt.Sprintf("loss %.4f", ev.Step.Loss))
			_ = bar.Add(1) // a bar that can't be drawn is no fault
			if !tty && (ev.Step.Step == 1 || ev.Step.Step%10 == 0 || ev.Step.Step == o.Steps) {
				fmt.Fprintf(os.Stderr, "step %d/%d loss %.4f (%.0f ms)\n", ev.Step.Step, o.Steps, ev.Step.Loss, ev.Step.MS)
			}
		case ev.Save != nil:
			if err := w.write(fmt.Sprintf("step%d", ev.Save.Step), ev.Save.Files); failed == nil {
				failed = err
			}
		case ev.Score != nil:
			fmt.Fprintf(os.Stderr, "%-8s n %d  accuracy %.3f  balanced %.3f  loss %.4f\n", ev.Score.Name, ev.Score.N, ev.Score.Accuracy, ev.Score.Balanced, ev.Score.Loss)
		}
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if err := w.write("", fit.Export()); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		return err
	}
	if fit.Stopped {
		fmt.Fprintf(os.Stderr, "stopped after %d of %d steps; what was learned is kept\n", len(fit.Losses), o.Steps)
	}
	fmt.Fprintln(c.OutOrStdout(), w.dir)
	return nil
}

// output is a folder that appears only when all of it is written.
type output struct{ dir, temp string }

func newOutput(dir string) (*output, error) {
	list, err := os.ReadDir(dir)
	if err == nil && len(list) > 0 {
		if _, err := os.Stat(filepath.Join(dir, "train.jsonl")); err != nil {
			return nil, fault.Inputf("--out", "%s is not empty and no earlier result", dir).Next("name another folder")
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, pathFault("--out", dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o755); err != nil {
		return nil, pathFault("--out", dir, err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".handful-*")
	if err != nil {
		return nil, pathFault("--out", dir, err)
	}
	return &output{dir, temp}, nil
}

func (w *output) write(sub string, files []engine.File) error {
	for _, f := range files {
		p := filepath.Join(w.temp, sub, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return pathFault("--out", p, err)
		}
		if err := os.WriteFile(p, f.Bytes, 0o644); err != nil {
			return pathFault("--out", p, err)
		}
	}
	return nil
}

// commit puts the finished folder in its place.
func (w *output) commit() error {
	if err := os.Chmod(w.temp, 0o755); err != nil {
		return pathFault("--out", w.dir, err)
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return pathFault("--out", w.dir, err)
	}
	if err := os.Rename(w.temp, w.dir); err != nil {
		return pathFault("--out", w.dir, err)
	}
	return nil
}

// abandon removes what was not committed.
func (w *output) abandon() { os.RemoveAll(w.temp) }
