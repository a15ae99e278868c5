package main

import (
	"encoding/json"
	"errors"
	"fmt"

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
	columnFlags(f, &o.Sides)
	f.StringVar(&task, "task", "", "training task of the inventory, by index or name, or mean; without it rows' task_id")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.BoolVar(&asJSON, "json", false, `print {"loss","rows":[{"nll_sum","nll_mean","tokens"}]}`)
	f.StringVar(&logits, "logits", "", "also write logits to a safetensors file: tensor row<i>, [tokens, vocabulary]")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.check(c, "base", "examples"); err != nil {
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
		m.announce(e)
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
	return writeWhole("--logits", path, b)
}

func printJSON(c *cobra.Command, v any) error {
	enc := json.NewEncoder(c.OutOrStdout())
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
