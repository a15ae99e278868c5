package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"handful/core/fault"
	"handful/core/pretrain"
	"handful/core/skill"
	"handful/core/task"
	"handful/core/tensor"
	"handful/core/tune"
)

// corpus is what a run learns from.
type corpus struct {
	tasks   []pretrain.Task // row i of the routers is task i; empty for given batches without a folder
	rows    []tune.Row
	batches [][]int
	held    [][]tune.Row // of each task
	cut     int
	notes   []string       // what was left out
	names   map[int]string // of router rows, where given batches tell
}

// corpus reads, encodes and parts the tasks, and draws the batches or reads
// them.
func (e *Engine) corpus(o *PretrainOptions) (*corpus, error) {
	c := &corpus{}
	var err error
	if len(o.Tasks) > 0 {
		if c.tasks, c.notes, err = pretrain.ReadTasks(o.Tasks, o.Ship); err != nil {
			return nil, err
		}
	}
	var taskOf, tokens []int
	var family []string
	for i, t := range c.tasks {
		train, held := pretrain.Split(t, o.Held)
		family = append(family, t.Family)
		for k, exs := range [][]task.Example{train, held} {
			rows, cut, err := e.encode(exs, t.Instruction, o.Truncate)
			if err != nil {
				return nil, pretrain.InFile(t.File, err)
			}
			c.cut += len(cut)
			for j := range rows {
				rows[j].Task = i
			}
			if k == 1 {
				c.held = append(c.held, rows[:min(len(rows), most(o.HeldRows, len(rows)))])
				continue
			}
			for _, r := range rows {
				taskOf, tokens = append(taskOf, i), append(tokens, r.Tokens())
			}
			if o.Batches == nil {
				c.rows = append(c.rows, rows...)
			}
		}
	}
	if o.Batches == nil {
		c.batches = pretrain.Batches(taskOf, tokens, family, pretrain.Sampling{Groups: o.Groups, Rows: o.Batch, Steps: o.Steps, Seed: o.Seed})
		return c, nil
	}
	in := io.NewSectionReader(o.Batches, 0, o.Batches.Size())
	g, err := pretrain.ReadBatches(o.Batches.Name, in, e.limits(o.Truncate), o.Steps)
	if err != nil {
		return nil, err
	}
	c.rows, c.batches, c.names = g.Rows, g.Batches, g.Names
	if len(c.batches) < o.Steps {
		return nil, fault.Inputf("batches", "%s has %d batches, want one for each of --steps %d", o.Batches.Name, len(c.batches), o.Steps).Next("take fewer --steps")
	}
	return c, nil
}

// most is a limit, where 0 is none.
func most(limit, all int) int {
	if limit == 0 {
		return all
	}
	return limit
}

// fingerprint is a hash of everything that is trained on, in order.
func (c *corpus) fingerprint() string {
	h := sha256.New()
	for _, b := range c.batches {
		for _, i := range b {
			r := c.rows[i]
			fmt.Fprint(h, r.Task, len(r.IDs))
			h.Write(tensor.I32Bytes(r.Source))
			h.Write(tensor.I32Bytes(r.IDs))
			h.Write(tensor.I32Bytes(r.Labels))
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// count is how many router rows the corpus names.
func (c *corpus) count() int {
	n := max(1, len(c.tasks))
	for _, r := range c.rows {
		n = max(n, r.Task+1)
	}
	return n
}

// skills is the inventory to train: a new one, or the open one, whose rows must
// be those of the tasks.
func (e *Engine) skills(o *PretrainOptions, c *corpus) (*skill.Inventory, error) {
	routing := skill.Routing{Granularity: skill.Granularity(o.Granularity)}
	if e.inv != nil {
		if n := c.count(); n > e.inv.Tasks {
			return nil, fault.Inputf("pretrain", "%d tasks, the inventory's routers have %d rows", n, e.inv.Tasks).Next("go on with the tasks that it was made for")
		}
		if m := e.inv.Manifest; m != nil && len(c.tasks) > 0 {
			for i, t := range c.tasks {
				if i >= len(m.Tasks) || m.Tasks[i] != t.Name {
					return nil, fault.Inputf("pretrain", "task %d is %q, which is not the inventory's", i, t.Name).Next("go on with the tasks that it was made for, in their order")
				}
			}
		}
		return e.inv.Routed(routing), nil
	}
	rows, err := pretrain.ParseRowInit(o.InitRows)
	if err != nil {
		return nil, err
	}
	sites, targets, regex, err := e.targeted("pretrain", o.Targets)
	if err != nil {
		return nil, err
	}
	category := make([]string, c.count())
	for i, t := range c.tasks {
		if category[i] = t.Category; category[i] == "" {
			category[i] = t.Family
		}
	}
	cfg := skill.Config{TaskType: e.taskType(), Splits: o.Splits, Skills: o.Skills, Rank: o.Rank, Tasks: len(category), Targets: targets, Regex: regex, Routing: routing}
	if e.ckpt.Name != e.ckpt.Config.ModelType && !o.TrainBase {
		cfg.Base = e.ckpt.Name
	}
	return pretrain.NewInventory(cfg, sites, e.dims(), category, rows, o.Seed)
}
