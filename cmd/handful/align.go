package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
)

func alignCommand() *cobra.Command {
	var m modelFlags
	var tasks string
	var asJSON bool
	var o engine.AlignOptions
	c := &cobra.Command{
		Use:   "align --base PATH --inventory DIR | --adapter DIR --tasks DIR",
		Short: "How far the gradients of tasks point the same way",
		Long: "align takes the gradient of each task's mean loss with respect to all A and B (not the routers)\n" +
			"and prints the cosine between tasks, the norms and the mean cosine over pairs of tasks.",
	}
	m.add(c, true)
	f := c.Flags()
	f.StringVar(&tasks, "tasks", "", "folder whose .jsonl, .json, .csv and .tsv files are a task each, in order of their names")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input")
	f.IntVar(&o.Rows, "rows", 0, "most rows of each task, from its first; 0: all")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.BoolVar(&asJSON, "json", false, `print {"tasks","rows","loss","grad_norm","cosine","mean","parameters"}`)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.check(c, "base", "tasks"); err != nil {
			return err
		}
		if (m.inventory == "") == (m.adapter == "") {
			return usageError{errors.New("align wants one of --inventory and --adapter")}
		}
		if o.Rows < 0 {
			return usageError{fmt.Errorf("--rows: got %d, want 0 or more", o.Rows)}
		}
		list, err := alignTasks(tasks)
		if err != nil {
			return err
		}
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		a, err := e.Adapter("skills")
		if err != nil {
			return err
		}
		got, err := e.Align(c.Context(), a, list, o, nil)
		if err != nil {
			return err
		}
		m.announce(e)
		if asJSON {
			return printJSON(c, got)
		}
		printAlignment(c, got)
		return nil
	}
	return c
}

// alignTasks reads the folder's files of examples, in order of their names.
func alignTasks(dir string) (out []engine.AlignTask, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, pathFault("--tasks", dir, err)
	}
	for _, f := range list {
		ext := filepath.Ext(f.Name())
		if !slices.Contains([]string{".jsonl", ".json", ".csv", ".tsv"}, ext) {
			continue
		}
		text, err := readText("--tasks", filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, engine.AlignTask{Name: strings.TrimSuffix(f.Name(), ext), Examples: text})
	}
	if len(out) < 2 {
		return nil, fault.Inputf("--tasks", "%s holds %d .jsonl, .json, .csv or .tsv files, want two or more tasks to compare", dir, len(out)).Next("check the path")
	}
	return out, nil
}

// printAlignment prints a line a task: rows, loss, norm and its cosines, then
// the mean over pairs.
func printAlignment(c *cobra.Command, a *engine.Alignment) {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "task\trows\tloss\tnorm")
	for i := range a.Tasks {
		fmt.Fprintf(w, "\tcos %d", i+1)
	}
	fmt.Fprintln(w)
	for t, name := range a.Tasks {
		fmt.Fprintf(w, "%d %s\t%d\t%.4f\t%.4g", t+1, name, a.Rows[t], a.Loss[t], a.GradNorm[t])
		for _, x := range a.Cosine[t] {
			fmt.Fprintf(w, "\t%.4f", x)
		}
		fmt.Fprintln(w)
	}
	w.Flush() // of a buffer onto stdout, whose faults show elsewhere
	fmt.Fprintf(c.OutOrStdout(), "mean cosine over pairs %.4f, %d parameters\n", a.Mean, a.Parameters)
}
