package main

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"handful/core/engine"
)

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
	f.StringVar(&o.Prompt, "prompt", "", "text to continue, or for a T5 to answer, as it is")
	f.StringVar(&task, "task", "", "training task of the inventory, by index or name, or mean")
	f.IntVar(&o.MaxTokens, "max-tokens", 64, "most tokens")
	f.Float64Var(&o.Temperature, "temperature", 0, "0: greedy")
	f.Float64Var(&o.TopP, "top-p", 1, "keep the most likely tokens of this probability together")
	f.IntVar(&o.Beams, "beams", 1, "search with so many beams, where temperature is 0")
	penalty := f.Float64("length-penalty", 1, "of beams: an answer's score is its log likelihood over its tokens to this power")
	wrap := f.Bool("template", false, "put the prompt into the inventory's template as an input")
	f.StringVar(&o.Instruction, "instruction", "", "instruction, with --template")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.check(c, "base", "prompt"); err != nil {
			return err
		}
		switch {
		case o.MaxTokens < 1:
			return usageError{fmt.Errorf("--max-tokens: got %d, want 1 or more", o.MaxTokens)}
		case !(o.Temperature >= 0 && o.Temperature < math.MaxFloat64):
			return usageError{fmt.Errorf("--temperature: got %v, want 0 or more", o.Temperature)}
		case !(o.TopP > 0 && o.TopP <= 1):
			return usageError{fmt.Errorf("--top-p: got %v, want above 0 to 1", o.TopP)}
		case o.Beams < 1:
			return usageError{fmt.Errorf("--beams: got %d, want 1 or more", o.Beams)}
		case o.Beams > 1 && o.Temperature > 0:
			return usageError{fmt.Errorf("--beams %d: a search does not sample, leave --temperature out", o.Beams)}
		case !(math.Abs(*penalty) < 100):
			return usageError{fmt.Errorf("--length-penalty: got %v, want a number to ±100", *penalty)}
		}
		o.LengthPenalty = penalty
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
		said, err := e.Generate(c.Context(), a, o, func(s string) {
			m.loaded()
			fmt.Fprint(c.OutOrStdout(), s)
		})
		if said != "" || err == nil {
			fmt.Fprintln(c.OutOrStdout())
		}
		if err == nil {
			m.announce(e)
		}
		return err
	}
	return c
}
