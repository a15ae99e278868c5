// Handful adapts a small language model to a person's own task from a handful
// of examples.
//
// stdout carries answers only; progress and faults go to stderr. Exit status:
// 0 done, 1 a fault (one line), 2 wrong usage (one line).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"handful/core/fault"
	"handful/core/version"
)

// usageError is a mistake on the command line itself.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(report(run(ctx)))
}

// run executes the command line; a panic is a bug and still one line.
func run(ctx context.Context) (err error) {
	defer fault.Recover("handful", &err)
	return root().ExecuteContext(ctx)
}

// report prints one line and gives the exit status.
func report(err error) int {
	if err == nil {
		return 0
	}
	var u usageError
	if errors.As(err, &u) {
		fmt.Fprintln(os.Stderr, "handful: "+oneLine(u.Error())+"; see `handful --help`")
		return 2
	}
	fmt.Fprintln(os.Stderr, "handful: "+oneLine(fault.From("handful", err).Error()))
	return 1
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "handful",
		Short: "Adapt a small language model to your own task from a handful of examples",
		Long: "Handful routes over an inventory of pre-trained skills (LoRA modules): from a handful of examples\n" +
			"it trains only the routing (MHR-z) or the averaged adapter (MHR-mu), on this machine alone.",
		Version:       versionText(),
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("no command %q", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.CompletionOptions.DisableDefaultCmd = true
	for _, sub := range []*cobra.Command{adaptCommand(), scoreCommand(), evalCommand(), drawCommand(), alignCommand(), generateCommand(), shareCommand(), pretrainCommand(), stackCommand(), convertCommand(), inspectCommand(), serveCommand(), rpcCommand(), benchCommand(), randomModelCommand()} {
		if sub.Args == nil {
			sub.Args = cobra.NoArgs
		}
		args := sub.Args
		sub.Args = func(c *cobra.Command, a []string) error {
			if err := args(c, a); err != nil {
				return usageError{err}
			}
			return nil
		}
		c.AddCommand(sub)
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err)} })
	return c
}

// flagTypes are pflag's types of values in words.
var flagTypes = map[string]string{"float64": "a number", "int": "a whole number", "int64": "a whole number", "uint64": "a whole number of 0 or more",
	"bool": "true or false", "intSlice": "whole numbers with commas between"}

// flagError says of a value that can't be read what was wanted; pflag gives the
// words of a parser.
func flagError(err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	want := flagTypes[bad.GetFlag().Value.Type()]
	if want == "" {
		return err
	}
	return fmt.Errorf("--%s: got %.60q, want %s", bad.GetFlag().Name, bad.GetValue(), want)
}

// versionText is the release and the commit, as the build knows it.
func versionText() string {
	v := version.Number
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				v += " " + s.Value
			}
		}
	}
	return v
}

// need says which required flag is missing.
func need(c *cobra.Command, names ...string) error {
	for _, n := range names {
		if f := c.Flags().Lookup(n); f == nil || f.Value.String() == "" || f.Value.String() == "[]" {
			return usageError{fmt.Errorf("%s wants --%s", c.Name(), n)}
		}
	}
	return nil
}
