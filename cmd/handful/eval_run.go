package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/eval"
	"handful/core/fault"
)

// evaluation is a running eval.
type evaluation struct {
	*evalFlags
	ctx     context.Context
	engines []*engine.Engine // of each inventory; one without any
	base    string           // name and hash
	names   []string         // of the inventories, likewise; one "" without any
	file    string           // of the adapter, likewise
	log     *evalLog
	failed  []error
	cells   int
}

// run judges every cell and prints.
func (v *evalFlags) run(c *cobra.Command) error {
	tasks, err := v.readTasks()
	if err != nil {
		return err
	}
	e, err := v.model.open(c.Context())
	if err != nil {
		return err
	}
	defer v.model.close()
	defer e.Close()
	r := &evaluation{evalFlags: v, ctx: c.Context(), engines: []*engine.Engine{e}}
	if err := r.identify(); err != nil {
		return err
	}
	if r.log, err = openLog(v.out); err != nil {
		return err
	}
	defer r.log.close()
	var rows []eval.Result
	for _, t := range tasks {
		got, err := r.task(t)
		if err != nil {
			return err
		}
		rows = append(rows, got...)
	}
	v.model.announce(e)
	if err := v.print(c, rows); err != nil {
		return err
	}
	if n := len(r.failed); n > 0 {
		return fault.Inputf("eval", "%d of %d cells failed, the first: %w", n, r.cells, r.failed[0]).Next("the others are in %s; run again to do the rest", v.out)
	}
	return nil
}

// identify opens the other inventories and hashes what results depend on.
func (r *evaluation) identify() (err error) {
	if r.base, err = identity(r.model.base); err != nil {
		return err
	}
	if r.model.adapter != "" {
		if r.file, err = identity(r.model.adapter); err != nil {
			return err
		}
	}
	r.names = []string{""}
	for i, x := range r.inventories {
		id, err := identity(x.dir)
		if err != nil {
			return err
		}
		if i == 0 {
			r.names[0] = id
			continue
		}
		f, err := openFolder("--inventory", x.dir)
		if err != nil {
			return err
		}
		defer closeFolder(f)
		e, err := r.engines[0].With(f)
		if err != nil {
			return err
		}
		r.engines, r.names = append(r.engines, e), append(r.names, id)
	}
	return nil
}

// draw is the examples of a cell and the rows to judge on.
type draw struct {
	shots       int
	seed        uint64
	train, held string
}

// task judges each method on each draw.
func (r *evaluation) task(t evalTask) (out []eval.Result, err error) {
	shots, seeds := r.shots, r.seeds
	if len(shots) == 0 {
		shots, seeds = []int{0}, 1
	}
	for _, k := range shots {
		for seed := r.model.seed; seed < r.model.seed+uint64(seeds); seed++ {
			d := draw{shots: k, seed: seed, held: t.text}
			if k > 0 {
				if d.train, d.held, err = engine.Draw(t.text, k, seed); err != nil {
					return nil, err
				}
			}
			for _, m := range r.methods {
				r.cells++
				res, err := r.cell(t, d, m)
				if fault.Is(err, fault.Input) && r.out != "" { // such as a rate at which training diverges
					fmt.Fprintf(os.Stderr, "%s, %d shots, seed %d, %s: %v\n", t.Name, k, seed, m.Name, err)
					r.failed = append(r.failed, err)
					continue
				}
				if err != nil {
					return nil, err
				}
				out = append(out, *res)
			}
		}
	}
	return out, nil
}

// cell judges one method, unless its result is there already.
func (r *evaluation) cell(t evalTask, d draw, m evalMethod) (*eval.Result, error) {
	which := max(0, r.inventories.index(m.Inventory))
	res := &eval.Result{Task: t.Name, Distance: t.Distance, Data: t.hash, Name: m.Name, Shots: d.shots, Seed: d.seed, Metric: t.metric, Base: r.base}
	if m.needsInventory() {
		res.Inventory = r.names[which]
	} else if m.Method == "file" {
		res.Inventory = r.file
	}
	var o engine.AdaptOptions
	if m.trains() {
		var err error
		if o, err = r.options(r.engines[which], m, t.o.Instruction); err != nil {
			return nil, usageError{err}
		}
		o.Seed = d.seed
		if res.Settings, err = nonzero(o, "method", "seed", "instruction"); err != nil {
			return nil, err
		}
	}
	var err error
	if res.Key, err = resultKey(res, t.o); err != nil {
		return nil, err
	}
	if old := r.log.find(res.Key); old != nil {
		return old, nil
	}
	start := time.Now()
	if err := r.judge(r.engines[which], t, d, m, o, res); err != nil {
		return nil, err
	}
	res.Seconds = math.Round(time.Since(start).Seconds()*100) / 100
	fmt.Fprintf(os.Stderr, "%s, %d shots, seed %d, %s: %s %.3f, loss %.3f, %.1f s\n", t.Name, d.shots, d.seed, m.Name, t.metric, res.Value(), res.Loss, res.Seconds)
	return res, r.log.add(res)
}

// judge learns what is to be learned and scores the held rows.
func (r *evaluation) judge(e *engine.Engine, t evalTask, d draw, m evalMethod, o engine.AdaptOptions, res *eval.Result) (err error) {
	eo := t.o
	var a engine.Adapter
	switch {
	case m.trains():
		if m.Method == "z-random" {
			if e, err = e.WithRandomSkills(d.seed); err != nil {
				return err
			}
		}
		if o.Examples = d.train; len(eo.Options) > 0 {
			o.Options = eo.Options
		}
		fit, err := e.Adapt(r.ctx, o, nil)
		if err != nil {
			return err
		}
		if fit.Stopped {
			return fault.From("eval", context.Canceled)
		}
		a, res.Trainable, res.Bytes = fit.Adapter, fit.Trainable, 4*int64(fit.Trainable)
	case m.Method == "icl":
		eo.Context = d.train
	case m.Method == "best-task":
		var best engine.StartRow
		if a, best, err = e.BestTask(r.ctx, engine.AdaptOptions{Examples: d.train, Instruction: eo.Instruction, Truncate: eo.Truncate}); err != nil {
			return err
		}
		res.Chosen = best.Task
	default:
		if a, err = e.Adapter(m.Method); err != nil {
			return err
		}
		if m.Method == "file" {
			res.Name = "file"
		}
	}
	defer e.Free(a)
	s, err := e.Evaluate(r.ctx, a, d.held, eo)
	if err != nil {
		return err
	}
	fill(res, s)
	res.Device = e.Info().Device.Name
	return nil
}
