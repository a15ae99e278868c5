package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"handful/core/format"
	"handful/core/format/inspect"
	"handful/core/task"
)

func inspectCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect PATH",
		Short: "What a model, adapter, inventory, link or file of examples holds",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("inspect wants one path")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := openAdapter("inspect", args[0])
		if err != nil {
			return err
		}
		defer closeFolder(f)
		if len(f) == 1 {
			switch kind := format.SniffBlob(f[0]); kind {
			case "handful":
				return inspectShared(c, f[0], asJSON)
			case "json", "text":
				if f[0].Name != "config.json" && f[0].Name != "adapter_config.json" {
					return inspectExamples(c, args[0], asJSON)
				}
			}
		}
		s, err := inspect.Describe(f)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, s)
		}
		fmt.Fprint(c.OutOrStdout(), s.Text())
		return nil
	}
	return c
}

// inspectExamples counts rows and labels; faults go to stderr.
func inspectExamples(c *cobra.Command, path string, asJSON bool) error {
	text, err := readText("inspect", path)
	if err != nil {
		return err
	}
	p := task.Parse([]byte(text))
	if len(p.Examples) == 0 && len(p.Faults) > 0 {
		return p.Err()
	}
	var labels map[string]int
	if task.Choices(p.Examples) != nil {
		labels = map[string]int{}
		for _, x := range p.Examples {
			labels[x.Output]++
		}
	}
	if asJSON {
		return printJSON(c, map[string]any{"kind": "examples", "format": p.Format, "rows": len(p.Examples), "bad": p.Bad, "faults": p.Faults, "labels": labels, "hints": task.Hints(p.Examples)})
	}
	fmt.Fprintf(c.OutOrStdout(), "examples (%s), %d rows, %d bad\n", p.Format, len(p.Examples), p.Bad)
	for _, l := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(c.OutOrStdout(), "  %-22q %d\n", l, labels[l])
	}
	for _, f := range p.Faults {
		fmt.Fprintln(os.Stderr, f)
	}
	for _, h := range task.Hints(p.Examples) {
		fmt.Fprintln(os.Stderr, "note:", h)
	}
	return nil
}
