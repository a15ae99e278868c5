package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/format/peft"
)

func alignCommand() *cobra.Command {
	var m modelFlags
	var tasks, sketches string
	var asJSON bool
	var o engine.AlignOptions
	c := &cobra.Command{
		Use:   "align --base PATH --inventory DIR | --adapter DIR --tasks DIR",
		Short: "How far the gradients of tasks point the same way",
		Long: "align takes the gradient of each task's mean loss with respect to all A and B (not the routers)\n" +
			"and prints the cosine between tasks, the norms and the mean cosine over pairs of tasks. A file named as a\n" +
			"training task of the inventory is routed as that task, another one evenly. With --sketches it keeps of the\n" +
			"training tasks' gradients what adapt and the page compare a new task with.",
	}
	m.add(c, true)
	f := c.Flags()
	f.StringVar(&tasks, "tasks", "", "folder whose .jsonl, .json, .csv and .tsv files are a task each, in order of their names")
	f.StringVar(&o.Instruction, "instruction", "", "instruction before each input; not given: that of the tasks' manifest.json, if there is one")
	f.IntVar(&o.Rows, "rows", 0, "most rows of each task, from its first; 0: all")
	f.BoolVar(&o.Truncate, "truncate", false, "cut rows longer than the context at the front of their input")
	f.StringVar(&sketches, "sketches", "", "file to write, instead of a table: task_gradients.safetensors, for the inventory's folder; --tasks has a file of each training task")
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
		if sketches != "" && m.inventory == "" {
			return usageError{errors.New("--sketches wants --inventory")}
		}
		list, err := alignTasks(tasks, !c.Flags().Changed("instruction"))
		if err != nil {
			return err
		}
		e, err := m.open(c.Context())
		if err != nil {
			return err
		}
		defer m.close()
		defer e.Close()
		if sketches != "" {
			return writeSketches(c, e, sketches, list, o)
		}
		a, err := e.Adapter("skills")
		if err != nil {
			return err
		}
		show, done := counting(len(list), "tasks")
		got, err := e.Align(c.Context(), a, list, o, show)
		done()
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

// alignTasks reads the folder's files of examples, and where told those of its
// manifest's instructions.
func alignTasks(dir string, told bool) (out []engine.AlignTask, err error) {
	files, err := taskFiles(dir, nil, 2)
	if err != nil {
		return nil, err
	}
	instruction := map[string]string{}
	if told {
		entries, err := readManifest(dir)
		if err != nil {
			return nil, err
		}
		for _, t := range entries {
			instruction[t.Name] = t.Instruction
		}
	}
	for _, f := range files {
		text, err := readText("--tasks", f.path)
		if err != nil {
			return nil, err
		}
		out = append(out, engine.AlignTask{Name: f.name, Examples: text, Instruction: instruction[f.name]})
	}
	return out, nil
}

// writeSketches writes what the inventory keeps of its training tasks'
// gradients.
func writeSketches(c *cobra.Command, e *engine.Engine, path string, tasks []engine.AlignTask, o engine.AlignOptions) error {
	show, done := counting(len(tasks), "tasks")
	got, err := e.Sketches(c.Context(), tasks, o, show)
	done()
	if err != nil {
		return err
	}
	b, err := peft.WriteSketches(got)
	if err != nil {
		return err
	}
	if err := writeWhole("--sketches", path, b); err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), path)
	return nil
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
