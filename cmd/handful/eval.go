package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/task"
)

// evalFlags are what eval wants beside a model.
type evalFlags struct {
	model            modelFlags
	examples, tasks  string
	methods          []string
	shots            []int
	seeds, steps     int
	lr, routerLR     float64
	lrSet, routerSet bool
	asJSON           bool
	o                engine.EvalOptions
}

// evalRow is one judged adapter.
type evalRow struct {
	Task  string `json:"task"`
	Shots int    `json:"shots"`
	Seed  uint64 `json:"seed"`
	engine.ScoreRow
	Trainable int     `json:"trainable,omitempty"`
	Seconds   float64 `json:"seconds"` // adapting and judging
}

func evalCommand() *cobra.Command {
	var v evalFlags
	c := &cobra.Command{
		Use:   "eval --base PATH [--inventory DIR | --adapter DIR] --examples FILE | --tasks DIR",
		Short: "Accuracy on examples: the base, the mean adapter, an adapter, or methods trained on a few shots",
	}
	v.model.add(c, true)
	f := c.Flags()
	f.StringVar(&v.examples, "examples", "", "rows to judge on (and, with --shots, to draw from)")
	f.StringVar(&v.tasks, "tasks", "", "instead of --examples: a folder whose .jsonl, .json, .csv and .tsv files are a task each")
	f.StringVar(&v.o.Instruction, "instruction", "", "instruction before each input")
	f.StringArrayVar(&v.o.Options, "option", nil, "a label to choose from (repeat it); default: the rows' options, or the outputs where they are few")
	f.BoolVar(&v.o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.IntSliceVar(&v.shots, "shots", nil, "train on this many rows, judge on the others; several numbers: each in turn")
	f.IntVar(&v.seeds, "seeds", 1, "draws of shots, from --seed on")
	f.StringSliceVar(&v.methods, "method", nil, "methods to train with --shots: z, mu, mhr, lora (default z,mu; lora without an inventory)")
	d := engine.Defaults("z")
	f.IntVar(&v.steps, "steps", d.Steps, "optimiser steps of each method")
	f.Float64Var(&v.lr, "lr", d.LR, "learning rate of A and B (lora: 0.01)")
	f.Float64Var(&v.routerLR, "router-lr", d.RouterLR, "learning rate of the routing")
	f.IntVar(&v.o.Limit, "limit", 100, "most rows to judge on; 0: all")
	f.BoolVar(&v.asJSON, "json", false, "print JSON, a row for each seed")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := v.check(c); err != nil {
			return err
		}
		tasks, err := v.readTasks()
		if err != nil {
			return err
		}
		e, err := v.model.open(c.Context())
		if err != nil {
			return err
		}
		defer v.model.close()
		defer e.Close()
		var rows []evalRow
		for _, t := range tasks {
			r, err := v.evaluate(c, e, t)
			if err != nil {
				return err
			}
			rows = append(rows, r...)
		}
		v.model.announce(e)
		if v.asJSON {
			return printJSON(c, map[string]any{"rows": rows})
		}
		printTable(c, rows)
		return nil
	}
	return c
}

func (v *evalFlags) check(c *cobra.Command) error {
	if err := v.model.check(c, "base"); err != nil {
		return err
	}
	v.lrSet, v.routerSet = c.Flags().Changed("lr"), c.Flags().Changed("router-lr")
	if (v.examples == "") == (v.tasks == "") {
		return usageError{errors.New("eval wants one of --examples and --tasks")}
	}
	if v.seeds < 1 {
		return usageError{fmt.Errorf("--seeds: got %d, want 1 or more", v.seeds)}
	}
	if v.o.Limit < 0 {
		return usageError{fmt.Errorf("--limit: got %d, want 0 or more", v.o.Limit)}
	}
	for _, k := range v.shots {
		if k < 1 {
			return usageError{fmt.Errorf("--shots: got %d, want 1 or more", k)}
		}
	}
	if len(v.shots) == 0 && len(v.methods) > 0 {
		return usageError{errors.New("--method wants --shots")}
	}
	if len(v.methods) == 0 {
		if v.methods = []string{"lora"}; v.model.inventory != "" {
			v.methods = []string{"z", "mu"}
		}
	}
	for _, m := range v.methods {
		o := v.options(m)
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		if m != "lora" && v.model.inventory == "" {
			return usageError{fmt.Errorf("--method %s wants --inventory", m)}
		}
	}
	return nil
}

// options are a method's settings.
func (v *evalFlags) options(method string) engine.AdaptOptions {
	o := engine.Defaults(method)
	o.Steps, o.Instruction, o.Truncate = v.steps, v.o.Instruction, v.o.Truncate
	if v.lrSet {
		o.LR = v.lr
	}
	if v.routerSet {
		o.RouterLR = v.routerLR
	}
	return o
}

// evalTask is a file of examples.
type evalTask struct{ name, text string }

func (v *evalFlags) readTasks() (out []evalTask, err error) {
	paths := []string{v.examples}
	if v.tasks != "" {
		list, err := os.ReadDir(v.tasks)
		if err != nil {
			return nil, pathFault("--tasks", v.tasks, err)
		}
		paths = nil
		for _, e := range list {
			if slices.Contains([]string{".jsonl", ".json", ".csv", ".tsv"}, filepath.Ext(e.Name())) {
				paths = append(paths, filepath.Join(v.tasks, e.Name()))
			}
		}
		if len(paths) == 0 {
			return nil, fault.Inputf("--tasks", "%s holds no .jsonl, .json, .csv or .tsv file", v.tasks).Next("check the path")
		}
	}
	for _, p := range paths {
		text, err := readText("--examples", p)
		if err != nil {
			return nil, err
		}
		parsed := task.Parse([]byte(text))
		if err := parsed.Err(); err != nil {
			return nil, err
		}
		out = append(out, evalTask{strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)), text})
	}
	return out, nil
}

// evaluate judges what is open on one task, and with --shots what each method
// learns from each draw.
func (v *evalFlags) evaluate(c *cobra.Command, e *engine.Engine, t evalTask) (out []evalRow, err error) {
	o := v.o
	if exs := task.Parse([]byte(t.text)).Examples; len(o.Options) == 0 && !slices.ContainsFunc(exs, func(x task.Example) bool { return len(x.Options) > 0 }) {
		o.Options = task.Choices(exs) // those of all rows, also of the ones that are drawn
	}
	fixed := []string{"base"}
	if v.model.inventory != "" {
		fixed = append(fixed, "mean")
	}
	if v.model.adapter != "" {
		fixed = append(fixed, "file")
	}
	shots, seeds := v.shots, v.seeds
	if len(shots) == 0 {
		shots, seeds = []int{0}, 1
	}
	for _, k := range shots {
		for seed := v.model.seed; seed < v.model.seed+uint64(seeds); seed++ {
			train, judge := "", t.text
			if k > 0 {
				if train, judge, err = engine.Draw(t.text, k, seed); err != nil {
					return nil, err
				}
			}
			row := func(a engine.Adapter, name string, trainable int, start time.Time) error {
				defer e.Free(a)
				r, err := e.Evaluate(c.Context(), a, judge, o)
				if err != nil {
					return err
				}
				r.Name, r.Rows = name, nil
				out = append(out, evalRow{t.name, k, seed, *r, trainable, time.Since(start).Seconds()})
				fmt.Fprintf(os.Stderr, "%s, %d shots, seed %d, %s: accuracy %.3f, balanced %.3f\n", t.name, k, seed, name, r.Accuracy, r.Balanced)
				return nil
			}
			for _, name := range fixed {
				start := time.Now()
				a, err := e.Adapter(name)
				if err != nil {
					return nil, err
				}
				if err := row(a, name, 0, start); err != nil {
					return nil, err
				}
			}
			for _, m := range v.methods {
				if k == 0 {
					break
				}
				start := time.Now()
				ao := v.options(m)
				ao.Examples, ao.Seed = train, seed
				fit, err := e.Adapt(c.Context(), ao, nil)
				if err != nil {
					return nil, err
				}
				if err := row(fit.Adapter, m, fit.Trainable, start); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// printTable prints a line for each task, number of shots and adapter: means
// over the seeds, and the standard deviation of the balanced accuracy.
func printTable(c *cobra.Command, rows []evalRow) {
	type key struct {
		task, name string
		shots      int
	}
	var order []key
	groups := map[key][]evalRow{}
	for _, r := range rows {
		k := key{r.Task, r.Name, r.Shots}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%-24s %-6s %5s %5s %5s %9s %9s %7s %9s %8s\n", "task", "method", "shots", "seeds", "n", "accuracy", "balanced", "±", "loss", "seconds")
	for _, k := range order {
		var n, acc, bal, loss, sec, sq float64
		g := groups[k]
		for _, r := range g {
			n, acc, bal, loss, sec = n+float64(r.N), acc+r.Accuracy, bal+r.Balanced, loss+r.Loss, sec+r.Seconds
		}
		m := float64(len(g))
		for _, r := range g {
			sq += (r.Balanced - bal/m) * (r.Balanced - bal/m)
		}
		fmt.Fprintf(w, "%-24s %-6s %5d %5d %5.0f %9.3f %9.3f %7.3f %9.4f %8.1f\n",
			k.task, k.name, k.shots, len(g), n/m, acc/m, bal/m, math.Sqrt(sq/max(1, m-1)), loss/m, sec/m)
	}
}
