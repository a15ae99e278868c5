package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/format"
)

func stackCommand() *cobra.Command {
	var out string
	var splits int
	c := &cobra.Command{
		Use:   "stack LORA... --out INVENTORY",
		Short: "Make an inventory of LoRAs, each one a skill",
		Long: "Makes a PEFT POLY folder of LoRAs for one base: PEFT LORA folders, zips of them, and single LoRAs of mttl.\n" +
			"Each is a skill, by the name of its folder. Ranks may differ, and so may the linears that are adapted.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("stack wants one LoRA or more")
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write")
	c.Flags().IntVar(&splits, "splits", 1, "heads that the routing has for each linear; they divide its sizes")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := need(c, "out"); err != nil {
			return err
		}
		if splits < 1 {
			return usageError{fmt.Errorf("--splits: got %d, want 1 or more", splits)}
		}
		w, err := newOutput(out)
		if err != nil {
			return err
		}
		defer w.abandon()
		var folders []format.Folder
		for _, a := range args {
			f, err := openAdapter("stack", a)
			if err != nil {
				return err
			}
			defer closeFolder(f)
			folders = append(folders, f)
		}
		files, names, err := engine.Stack(folders, splits)
		if err != nil {
			return err
		}
		if err := w.write("", files); err != nil {
			return err
		}
		if err := w.commit(); err != nil {
			return err
		}
		fmt.Fprintf(c.ErrOrStderr(), "%d skills: %s\n", len(names), strings.Join(names, ", "))
		fmt.Fprintln(c.OutOrStdout(), w.shown)
		return nil
	}
	return c
}
