package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/task"
)

// A drawnCell is what eval judges methods on for one task, number of shots and
// seed, for another program to do the same.
type drawnCell struct {
	Task        string            `json:"task"`
	Distance    string            `json:"distance,omitempty"`
	Data        string            `json:"data"` // sha256 of the task's file
	Shots       int               `json:"shots"`
	Seed        uint64            `json:"seed"`
	Metric      string            `json:"metric"`
	Instruction string            `json:"instruction,omitempty"`
	Labels      []string          `json:"labels,omitempty"` // the classes of balanced accuracy
	Order       [][]int           `json:"order,omitempty"`  // of train in each epoch
	Train       []json.RawMessage `json:"train"`
	Held        []json.RawMessage `json:"held"`
}

func drawCommand() *cobra.Command {
	var v evalFlags
	var seed uint64
	var epochs int
	var out string
	c := &cobra.Command{
		Use:   "draw --tasks DIR --shots K --out DIR",
		Short: "Write the examples and rows that eval would take, for other programs",
		Long: "Writes DIR/TASK.SHOTS.SEED.json for each task, number of shots and seed: the examples that eval learns from (train) and the\n" +
			"rows that it judges on (held), with the task's instruction, labels and metric. python -m pretrain fewshot --draws reads them.\n" +
			"With --epochs also the order in which eval trains on the examples, so that the other program sees the same batches.",
	}
	f := c.Flags()
	f.StringVar(&v.examples, "examples", "", "file of rows to draw from")
	columnFlags(f, &v.sides)
	f.StringVar(&v.tasks, "tasks", "", "instead of --examples: a folder of them, as eval takes it")
	f.StringSliceVar(&v.only, "only", nil, "of --tasks only these")
	f.IntSliceVar(&v.shots, "shots", []int{16}, "examples to learn from; several numbers: each in turn")
	f.IntVar(&v.seeds, "seeds", 1, "draws, from --seed on")
	f.Uint64Var(&seed, "seed", 0, "seed of the first draw")
	f.IntVar(&v.o.Limit, "limit", 100, "most rows to judge on, of each class its share; 0: all")
	f.StringVar(&v.metric, "metric", "", "as eval's")
	f.IntVar(&epochs, "epochs", 0, "also write the order of the examples in so many epochs")
	f.StringVar(&out, "out", "", "folder to write")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (v.examples == "") == (v.tasks == "") {
			return usageError{fmt.Errorf("draw wants one of --examples and --tasks")}
		}
		if out == "" {
			return usageError{fmt.Errorf("draw wants --out")}
		}
		if err := v.checkDraws(); err != nil {
			return err
		}
		return v.writeDraws(seed, epochs, out)
	}
	return c
}

// writeDraws writes every cell, with the order of so many epochs.
func (v *evalFlags) writeDraws(first uint64, epochs int, out string) error {
	tasks, err := v.readTasks()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return pathFault("--out", out, err)
	}
	for _, t := range tasks {
		for _, k := range v.shots {
			for seed := first; seed < first+uint64(v.seeds); seed++ {
				train, held, err := engine.Draw(t.text, k, seed)
				if err != nil {
					return err
				}
				if held, err = engine.Limit(held, v.o.Limit); err != nil {
					return err
				}
				cell := drawnCell{Task: t.Name, Distance: t.Distance, Data: t.hash, Shots: k, Seed: seed, Metric: t.metric,
					Instruction: t.o.Instruction, Labels: t.o.Classes, Train: jsonLines(train), Held: jsonLines(held)}
				if n := len(cell.Train); epochs > 0 {
					cell.Order = task.Batches(n, n, epochs, "shuffle", seed)
				}
				b, err := json.MarshalIndent(cell, "", " ")
				if err != nil {
					return err
				}
				path := filepath.Join(out, fmt.Sprintf("%s.%d.%d.json", t.Name, k, seed))
				if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
					return pathFault("--out", path, err)
				}
			}
		}
	}
	return nil
}

func jsonLines(text string) (out []json.RawMessage) {
	for line := range strings.Lines(text) {
		out = append(out, json.RawMessage(strings.TrimSpace(line)))
	}
	return out
}
