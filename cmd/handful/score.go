package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/format/safetensors"
)

// which picks the adapter that flags name.
func which(c *cobra.Command, m *modelFlags, task string) (string, error) {
	switch {
	case m.adapter != "" && task != "":
		return "", usageError{errors.New("--task goes with --inventory, not with --adapter")}
	case m.adapter != "":
		return "file", nil
	case task == "mean":
		return "mean", nil
	case task != "":
		return "task:" + task, nil
	case m.inventory != "":
		return "routed", nil
	}
	return "base", nil
}

func scoreCommand() *cobra.Command {
	var m modelFlags
	var examples, task, logits string
	var asJSON bool
	var o engine.ScoreOptions
	c := &cobra.Command{
		Use:   "score --base PATH [--adapter DIR | --inventory DIR --task ID] --examples FILE --json",
		Short: "Negative log likelihood of each row's output",
	}
	m.add(c, true)
	f := c.Flags()
	f.StringVar(&examples, "examples", "", "rows to score")
	f.StringVar(&task, "task", "", "training task of the inventory, by index or name, or mean; without it rows' task_id")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.BoolVar(&asJSON, "json", false, `print {"loss","rows":[{"nll_sum","nll_mean","tokens"}]}`)
	f.StringVar(&logits, "logits", "", "also write logits to a safetensors file: tensor row<i>, [tokens, vocabulary]")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "base", "examples"); err != nil {
			return err
		}
		name, err := which(c, &m, task)
		if err != nil {
			return err
		}
		text, err := readText("--examples", examples)
		if err != nil {
			return err
		}
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		a, err := e.Adapter(name)
		if err != nil {
			return err
		}
		o.KeepLogits = logits != ""
		s, err := e.Score(c.Context(), a, text, o)
		if err != nil {
			return err
		}
		if logits != "" {
			if err := writeLogits(logits, s.Logits, e.Info().Vocab); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(c, s)
		}
		for i, r := range s.Rows {
			fmt.Fprintf(c.OutOrStdout(), "%d\tnll %.6f\tmean %.6f\ttokens %d\n", i+1, r.NLLSum, r.NLLMean, r.Tokens)
		}
		fmt.Fprintf(c.OutOrStdout(), "loss %.6f\n", s.Loss)
		return nil
	}
	return c
}

func writeLogits(path string, rows [][]float32, vocab int) error {
	var ts []safetensors.Tensor
	for i, r := range rows {
		ts = append(ts, safetensors.Tensor{Name: fmt.Sprintf("row%d", i), Shape: []int{len(r) / vocab, vocab}, Data: r})
	}
	b, err := safetensors.Encode(ts, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return pathFault("--logits", path, err)
	}
	return nil
}

func printJSON(c *cobra.Command, v any) error {
	enc := json.NewEncoder(c.OutOrStdout())
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func generateCommand() *cobra.Command {
	var m modelFlags
	var task string
	var o engine.GenerateOptions
	c := &cobra.Command{
		Use:   "generate --base PATH [--adapter DIR | --inventory DIR --task ID] --prompt TEXT",
		Short: "Continue a prompt, token by token",
	}
	m.add(c, true)
	f := c.Flags()
	f.StringVar(&o.Prompt, "prompt", "", "text to continue, as it is")
	f.StringVar(&task, "task", "", "training task of the inventory, by index or name, or mean")
	f.IntVar(&o.MaxTokens, "max-tokens", 64, "most tokens")
	f.Float64Var(&o.Temperature, "temperature", 0, "0: greedy")
	f.Float64Var(&o.TopP, "top-p", 1, "keep the most likely tokens of this probability together")
	wrap := f.Bool("template", false, "put the prompt into the inventory's template as an input")
	f.StringVar(&o.Instruction, "instruction", "", "instruction, with --template")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "base", "prompt"); err != nil {
			return err
		}
		if o.MaxTokens < 1 || o.Temperature < 0 || o.TopP <= 0 || o.TopP > 1 {
			return usageError{errors.New("want --max-tokens of 1 or more, --temperature of 0 or more, --top-p above 0 to 1")}
		}
		if o.Raw, o.Seed = !*wrap, m.seed; m.inventory != "" && task == "" && m.adapter == "" {
			task = "mean"
		}
		name, err := which(c, &m, task)
		if err != nil {
			return err
		}
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		a, err := e.Adapter(name)
		if err != nil {
			return err
		}
		_, err = e.Generate(c.Context(), a, o, func(s string) { fmt.Fprint(c.OutOrStdout(), s) })
		fmt.Fprintln(c.OutOrStdout())
		return err
	}
	return c
}

func evalCommand() *cobra.Command {
	var m modelFlags
	var examples string
	var methods []string
	var shots, seeds, steps, limit int
	var asJSON bool
	var o engine.EvalOptions
	c := &cobra.Command{
		Use:   "eval --base PATH [--inventory DIR | --adapter DIR] --examples FILE",
		Short: "Accuracy on examples: the base, the mean adapter, an adapter, or methods trained on a few shots",
	}
	m.add(c, true)
	f := c.Flags()
	f.StringVar(&examples, "examples", "", "rows to judge on (and, with --shots, to draw from)")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.StringArrayVar(&o.Options, "option", nil, "a label to choose from (repeat it); default: the outputs themselves")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.IntVar(&shots, "shots", 0, "train on this many rows, judge on the others")
	f.IntVar(&seeds, "seeds", 1, "draws of shots")
	f.StringSliceVar(&methods, "method", []string{"z", "mu"}, "methods to train with --shots: z, mu, lora")
	f.IntVar(&steps, "steps", engine.Defaults("z").Steps, "optimiser steps of each method")
	f.IntVar(&limit, "limit", 100, "most rows to judge on; 0: all")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "base", "examples"); err != nil {
			return err
		}
		if shots < 0 || seeds < 1 || steps < 1 || limit < 0 {
			return usageError{errors.New("want --shots and --limit of 0 or more, --seeds and --steps of 1 or more")}
		}
		text, err := readText("--examples", examples)
		if err != nil {
			return err
		}
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		o.Limit = limit
		rows, err := evaluate(c, e, &m, text, o, methods, shots, seeds, steps)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, map[string]any{"rows": rows})
		}
		fmt.Fprintf(c.OutOrStdout(), "%-12s %5s %5s %9s %9s %9s %8s\n", "method", "seed", "n", "accuracy", "balanced", "loss", "seconds")
		for _, r := range rows {
			fmt.Fprintf(c.OutOrStdout(), "%-12s %5d %5d %9.3f %9.3f %9.4f %8.1f\n", r.Name, r.Seed, r.N, r.Accuracy, r.Balanced, r.Loss, r.Seconds)
		}
		return nil
	}
	return c
}

// evalRow is a line of eval's table.
type evalRow struct {
	engine.ScoreRow
	Seed      uint64  `json:"seed"`
	Trainable int     `json:"trainable,omitempty"`
	Seconds   float64 `json:"seconds"`
}

func evaluate(c *cobra.Command, e *engine.Engine, m *modelFlags, text string, o engine.EvalOptions, methods []string, shots, seeds, steps int) (out []evalRow, err error) {
	names := []string{"base"}
	if m.inventory != "" {
		names = append(names, "mean")
	}
	if m.adapter != "" {
		names = append(names, "file")
	}
	for k := 0; k < seeds; k++ {
		seed := m.seed + uint64(k)
		train, judge := text, text
		if shots > 0 {
			if train, judge, err = engine.Draw(text, shots, seed); err != nil {
				return nil, err
			}
		}
		one := func(a engine.Adapter, name string, trainable int, start time.Time) error {
			r, err := e.Evaluate(c.Context(), a, judge, o)
			if err != nil {
				return err
			}
			r.Name, r.Rows = name, nil
			out = append(out, evalRow{*r, seed, trainable, time.Since(start).Seconds()})
			return nil
		}
		for _, n := range names {
			start := time.Now()
			a, err := e.Adapter(n)
			if err != nil {
				return nil, err
			}
			if err := one(a, n, 0, start); err != nil {
				return nil, err
			}
			e.Free(a)
		}
		for _, method := range methods {
			if shots == 0 {
				break
			}
			start := time.Now()
			ao := engine.Defaults(method)
			ao.Examples, ao.Instruction, ao.Steps, ao.Seed, ao.Truncate = train, o.Instruction, steps, seed, o.Truncate
			fit, err := e.Adapt(c.Context(), ao, nil)
			if err != nil {
				return nil, err
			}
			if err := one(fit.Adapter, method, fit.Trainable, start); err != nil {
				return nil, err
			}
			e.Free(fit.Adapter)
		}
	}
	return out, nil
}
