package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/eval"
	"handful/core/task"
)

// evalFlags are what eval wants beside a model.
type evalFlags struct {
	model            modelFlags
	inventories      inventoryList
	examples, tasks  string
	sides            task.Sides
	only             []string
	specs            []string
	methods          []evalMethod
	shots            []int
	seeds, steps     int
	lr, routerLR     float64
	stepsSet, lrSet  bool
	routerSet        bool
	metric           string
	asJSON, markdown bool
	out, plots       string
	o                engine.EvalOptions
}

func evalCommand() *cobra.Command {
	var v evalFlags
	c := &cobra.Command{
		Use:   "eval --base PATH [--inventory DIR | --adapter DIR] --examples FILE | --tasks DIR",
		Short: "Accuracy on examples: the base, the mean adapter, an adapter, or methods trained on a few shots",
		Long: "Judges methods on rows that they have not seen, over tasks, numbers of examples and draws of them.\n\n" +
			"Methods (--method, several with commas): base; icl, the base with the same examples in its prompt, as many as fit;\n" +
			"mean, the inventory's uniform mixture; best-task, the training task whose routing gives the examples the smallest loss;\n" +
			"file, --adapter; z, mu, mhr, lora, each trained on the examples; z-random, z on an inventory of the same shapes that\n" +
			"has learned nothing. base, mean and file are always among them, as far as they are there.\n" +
			"Settings of a method follow it: z:router-lr=0.3,steps=60. With several inventories a method of another\n" +
			"than the first is written NAME/METHOD.\n\n" +
			"Where there are labels (a manifest's, --option, the rows' options, or outputs that are few and come again), the\n" +
			"answer is the label of the smallest loss per token; else it is decoded, up to the end token or the first line break.",
	}
	v.model.add(c, true)
	f := c.Flags()
	inv := f.Lookup("inventory")
	inv.Value, inv.Usage = &v.inventories, "inventory of skills: a PEFT POLY folder, a checkpoint of mttl, or a LoRA; repeat it as NAME=DIR to compare several"
	f.StringVar(&v.examples, "examples", "", "rows to judge on (and, with --shots, to draw from)")
	columnFlags(f, &v.sides)
	f.StringVar(&v.tasks, "tasks", "", "instead of --examples: a folder whose .jsonl, .json, .csv and .tsv files are a task each, with or without manifest.json")
	f.StringSliceVar(&v.only, "only", nil, "of --tasks only these")
	f.StringVar(&v.o.Instruction, "instruction", "", "instruction before each input; default: the manifest's")
	f.StringArrayVar(&v.o.Options, "option", nil, "a label to choose from (repeat it); default: the rows' options, the manifest's labels, or the outputs where they are few")
	f.BoolVar(&v.o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.IntSliceVar(&v.shots, "shots", nil, "train on this many rows, judge on the others; several numbers: each in turn")
	f.IntVar(&v.seeds, "seeds", 1, "draws of shots, from --seed on")
	f.StringArrayVar(&v.specs, "method", nil, "methods to judge, with their settings (default z,mu; lora without an inventory)")
	d := engine.Defaults("z")
	f.IntVar(&v.steps, "steps", d.Steps, "optimiser steps of each method")
	f.Float64Var(&v.lr, "lr", d.LR, "learning rate of A and B (lora: 0.01)")
	f.Float64Var(&v.routerLR, "router-lr", d.RouterLR, "learning rate of the routing")
	f.IntVar(&v.o.Limit, "limit", 100, "most rows to judge on, of each class its share; 0: all")
	f.StringVar(&v.metric, "metric", "", "accuracy or balanced (of labels), exact or rougeL (of decoded answers); default balanced, exact where there are no labels")
	f.IntVar(&v.o.MaxTokens, "max-tokens", 32, "most tokens of a decoded answer")
	f.IntVar(&v.o.Beams, "beams", 1, "search for a decoded answer with so many beams")
	f.StringVar(&v.out, "out", "", "append results to this .jsonl as they come; cells that it holds already are not done again")
	f.StringVar(&v.plots, "plots", "", "folder for by-method.svg and by-shots.svg")
	f.BoolVar(&v.markdown, "markdown", false, "print the table as Markdown")
	f.BoolVar(&v.asJSON, "json", false, "print JSON, a row for each seed")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := v.check(c); err != nil {
			return err
		}
		return v.run(c)
	}
	return c
}

func (v *evalFlags) check(c *cobra.Command) error {
	if err := v.model.check(c, "base"); err != nil {
		return err
	}
	changed := c.Flags().Changed
	v.stepsSet, v.lrSet, v.routerSet = changed("steps"), changed("lr"), changed("router-lr")
	v.model.inventory = v.inventories.first()
	if (v.examples == "") == (v.tasks == "") {
		return usageError{errors.New("eval wants one of --examples and --tasks")}
	}
	if v.o.MaxTokens < 1 {
		return usageError{fmt.Errorf("--max-tokens: got %d, want 1 or more", v.o.MaxTokens)}
	}
	if v.o.Beams < 1 {
		return usageError{fmt.Errorf("--beams: got %d, want 1 or more", v.o.Beams)}
	}
	if err := v.checkDraws(); err != nil {
		return err
	}
	if v.asJSON && v.markdown {
		return usageError{errors.New("want one of --json and --markdown")}
	}
	return v.checkMethods()
}

// checkDraws holds against their ranges what decides the rows of a cell.
func (v *evalFlags) checkDraws() error {
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
	if !slices.Contains([]string{"", eval.MetricAccuracy, eval.MetricBalanced, eval.MetricExact, eval.MetricRougeL}, v.metric) {
		return usageError{fmt.Errorf("--metric %q, want accuracy, balanced, exact or rougeL", v.metric)}
	}
	return nil
}

// checkMethods reads --method and puts in front what is always judged.
func (v *evalFlags) checkMethods() error {
	asked, err := parseMethods(v.specs)
	if err != nil {
		return usageError{err}
	}
	if len(asked) == 0 && len(v.shots) > 0 {
		if asked = []evalMethod{{Name: "lora", Method: "lora"}}; v.model.inventory != "" {
			asked = []evalMethod{{Name: "z", Method: "z"}, {Name: "mu", Method: "mu"}}
		}
	}
	v.methods = []evalMethod{{Name: "base", Method: "base"}}
	if v.model.inventory != "" {
		v.methods = append(v.methods, evalMethod{Name: "mean", Method: "mean"})
	}
	if v.model.adapter != "" {
		v.methods = append(v.methods, evalMethod{Name: "file", Method: "file"})
	}
	for _, m := range asked {
		if slices.ContainsFunc(v.methods, func(x evalMethod) bool { return x.Name == m.Name }) {
			continue
		}
		if m.needsShots() && len(v.shots) == 0 {
			return usageError{errors.New("--method wants --shots")}
		}
		if m.trains() {
			o, err := v.options(nil, m, "")
			if err == nil {
				err = o.Check()
			}
			if err != nil {
				return usageError{err}
			}
		} else if len(m.settings) > 0 {
			return usageError{fmt.Errorf("--method %s trains nothing, so it has no settings", m.Method)}
		}
		if m.needsInventory() && v.model.inventory == "" {
			return usageError{fmt.Errorf("--method %s wants --inventory", m.Name)}
		}
		if m.Inventory != "" && v.inventories.index(m.Inventory) < 0 {
			return usageError{fmt.Errorf("--method %s: no --inventory is named %q", m.Name, m.Inventory)}
		}
		if m.Method == "file" && v.model.adapter == "" {
			return usageError{errors.New("--method file wants --adapter")}
		}
		v.methods = append(v.methods, m)
	}
	return nil
}
