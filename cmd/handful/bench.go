package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"handful/core/device"
	"handful/core/engine"
)

// benchRow is one measurement.
type benchRow struct {
	What      string  `json:"what"` // kernel, load, score, step
	Name      string  `json:"name"`
	MS        float64 `json:"ms"`               // median wall time
	CPU       float64 `json:"cpuMs,omitempty"`  // mean processor time, which other programs disturb less
	GFLOPS    float64 `json:"gflops,omitempty"` // of kernels
	Dispatch  int     `json:"dispatches,omitempty"`
	Arena     int64   `json:"arena,omitempty"`     // bytes of values on the device
	Resident  int64   `json:"resident,omitempty"`  // bytes of weights on the device
	PeakBytes int64   `json:"peakBytes,omitempty"` // of the whole process so far
}

// benchReport is bench's answer.
type benchReport struct {
	Device device.Info `json:"device"`
	Rows   []benchRow  `json:"rows"`
}

// benchFlags say what to measure.
type benchFlags struct {
	model               modelFlags
	method              string
	rows, tokens, steps int
	asJSON              bool
}

func benchCommand() *cobra.Command {
	var v benchFlags
	c := &cobra.Command{
		Use:   "bench [kernels|step|load|all]",
		Short: "Measure products, loading, scoring and training steps on a device",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !slices.Contains([]string{"kernels", "step", "load", "all"}, args[0]) {
				return fmt.Errorf("bench wants one of kernels, step, load and all, got %q", strings.Join(args, " "))
			}
			return nil
		},
	}
	v.model.add(c, false)
	f := c.Flags()
	f.StringVar(&v.method, "method", "mu", "method of step: z, mu, mhr, lora")
	f.IntVar(&v.rows, "rows", 8, "rows a step")
	f.IntVar(&v.tokens, "tokens", 64, "tokens a row")
	f.IntVar(&v.steps, "steps", 4, "steps to measure, after two to warm up")
	f.BoolVar(&v.asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		what := "all"
		if len(args) == 1 {
			what = args[0]
		}
		if err := v.check(c, what); err != nil {
			return err
		}
		defer v.model.close()
		r, err := v.run(c.Context(), what)
		if err != nil {
			return err
		}
		if v.asJSON {
			return printJSON(c, r)
		}
		printBench(c, r)
		return nil
	}
	return c
}

func (v *benchFlags) check(c *cobra.Command, what string) error {
	var required []string
	if what != "kernels" {
		required = []string{"base"}
	}
	if err := v.model.check(c, required...); err != nil {
		return err
	}
	if v.rows < 1 || v.tokens < 2 || v.steps < 1 {
		return usageError{errors.New("want --rows and --steps of 1 or more and --tokens of 2 or more")}
	}
	o := engine.Defaults(v.method)
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// run measures what is asked for.
func (v *benchFlags) run(ctx context.Context, what string) (*benchReport, error) {
	r := &benchReport{}
	if what == "kernels" || what == "all" {
		if v.model.device != "cpu" {
			quietDrivers()
		}
		d, _, err := device.Open(ctx, v.model.options())
		if err != nil {
			return nil, err
		}
		defer d.Close()
		r.Device = d.Info()
		if r.Rows, err = benchKernels(ctx, d); err != nil || what == "kernels" {
			return r, err
		}
	}
	start := time.Now()
	e, err := v.model.open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	r.Device = e.Info().Device
	if what != "step" {
		rows, err := v.load(ctx, e, start)
		if err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, rows...)
	}
	if what != "load" {
		row, err := v.step(ctx, e)
		if err != nil {
			return nil, err
		}
		r.Rows = append(r.Rows, *row)
	}
	return r, nil
}

// load measures opening a model up to its first answer, and scoring after that.
func (v *benchFlags) load(ctx context.Context, e *engine.Engine, start time.Time) ([]benchRow, error) {
	base, err := e.Adapter("base")
	if err != nil {
		return nil, err
	}
	one := func(rows int) error {
		_, err := e.Score(ctx, base, v.examples(rows, e.Info()), engine.ScoreOptions{})
		return err
	}
	if err := one(1); err != nil {
		return nil, err
	}
	first := benchRow{What: "load", Name: "open, and score one row", MS: ms(time.Since(start)), Resident: e.Info().Resident, PeakBytes: peakBytes()}
	var times []float64
	cpu := cpuTime()
	for range v.steps {
		t := time.Now()
		if err := one(v.rows); err != nil {
			return nil, err
		}
		times = append(times, ms(time.Since(t)))
	}
	return []benchRow{first, {What: "score", Name: fmt.Sprintf("%d × %d tokens", v.rows, v.tokens), MS: median(times),
		CPU: ms(cpuTime()-cpu) / float64(v.steps), PeakBytes: peakBytes()}}, nil
}

// step measures training steps after two to warm up.
func (v *benchFlags) step(ctx context.Context, e *engine.Engine) (*benchRow, error) {
	const warm = 2
	o := engine.Defaults(v.method)
	o.Examples, o.Batch, o.Steps, o.Order = v.examples(v.rows, e.Info()), v.rows, warm+v.steps, "file"
	row := &benchRow{What: "step", Name: fmt.Sprintf("%s, %d × %d tokens", v.method, v.rows, v.tokens)}
	var times []float64
	var cpu time.Duration
	fit, err := e.Adapt(ctx, o, func(ev engine.Event) {
		switch {
		case ev.Plan != nil:
			row.Arena = ev.Plan.Arena
		case ev.Step != nil && ev.Step.Step == warm:
			cpu = cpuTime()
		case ev.Step != nil && ev.Step.Step > warm:
			times = append(times, ev.Step.MS)
			row.CPU = ms(cpuTime()-cpu) / float64(len(times))
		}
	})
	if err != nil {
		return nil, err
	}
	row.MS, row.Dispatch, row.Resident, row.PeakBytes = median(times), fit.Dispatches, e.Info().Resident, peakBytes()
	return row, nil
}

// examples are rows of random tokens, the last quarter of each to be learned; a
// T5's decoder learns as many, and its encoder reads all.
func (v *benchFlags) examples(rows int, info engine.Info) string {
	rng := rand.New(rand.NewPCG(v.model.seed, 1))
	var b strings.Builder
	for range rows {
		ids, labels := make([]int, v.tokens), make([]int, v.tokens)
		for i := range ids {
			ids[i], labels[i] = rng.IntN(info.Vocab), -100
			if i >= v.tokens-max(1, v.tokens/4) {
				labels[i] = ids[i]
			}
		}
		if info.Encoder > 0 {
			labels = labels[v.tokens-max(1, v.tokens/4):]
		}
		line, err := json.Marshal(map[string]any{"input_ids": ids, "labels": labels})
		if err != nil {
			panic(err) // numbers can be encoded
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func printBench(c *cobra.Command, r *benchReport) {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "device: %s (%s, %s kernels)\n", r.Device.Name, r.Device.Kind, r.Device.Family)
	fmt.Fprintf(w, "%-8s %-36s %10s %10s %8s %10s %10s %10s\n", "what", "name", "ms", "cpu ms", "GFLOP/s", "dispatches", "arena MB", "peak MB")
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%-8s %-36s %10.1f %10.1f %8.1f %10d %10.1f %10.1f\n", x.What, x.Name, x.MS, x.CPU, x.GFLOPS, x.Dispatch, float64(x.Arena)/1e6, float64(x.PeakBytes)/1e6)
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
