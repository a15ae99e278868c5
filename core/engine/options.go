package engine

import (
	"math"
	"strings"

	"handful/core/fault"
	"handful/core/tune"
)

// Defaults are a method's settings for a handful of examples. They were chosen
// on training tasks of the inventory, never on held-out ones.
func Defaults(method string) AdaptOptions {
	o := AdaptOptions{Method: method, Steps: 40, Batch: 8, LR: 3e-3, RouterLR: 0.1, Clip: 1, Warmup: 4, Schedule: "linear",
		Optimizer: tune.AdamW, ScaleParameter: true, Loss: tune.LossLM, RouterInit: "fresh", Selector: "sigmoid", Granularity: "fine", Order: "shuffle", Keep: KeepLast, Rank: 4, Alpha: 1}
	if method == "lora" || method == "ia3" {
		o.LR = 1e-2
	}
	return o
}

// What is kept of a run.
const (
	KeepLast = "last" // the state after its last step
	KeepBest = "best" // that of the lowest loss on held-out rows, among those that were told
)

// Most that may be asked for: every step's batch is laid out before the first,
// and a rank above a model's width gains nothing.
const (
	maxSteps = 1_000_000
	maxRank  = 4096
)

// Check refuses settings outside their range by the name of their flag. What
// hangs on the inventory is checked by Adapt.
func (o *AdaptOptions) Check() error {
	bad := func(name, format string, args ...any) error {
		return fault.Inputf("adapt", "--"+name+" "+format, args...)
	}
	oneOf := func(name, got string, want ...string) error {
		for _, w := range want {
			if got == w {
				return nil
			}
		}
		return bad(name, "%q, want %s", got, strings.Join(want, ", "))
	}
	if err := oneOf("method", o.Method, "z", "mu", "mhr", "lora", "ia3"); err != nil {
		return err
	}
	if err := oneOf("schedule", o.Schedule, "constant", "linear"); err != nil {
		return err
	}
	if err := oneOf("order", o.Order, "shuffle", "file"); err != nil {
		return err
	}
	if err := oneOf("optimizer", o.Optimizer, tune.AdamW, tune.Adafactor); err != nil {
		return err
	}
	if err := oneOf("loss", o.Loss, tune.LossLM, tune.LossTFew, tune.LossNI, LossAuto); err != nil {
		return err
	}
	if err := oneOf("keep", o.Keep, KeepLast, KeepBest); err != nil {
		return err
	}
	if o.FromAdapter && fromSkills(o.Method) {
		return bad("adapter", "goes with methods lora and ia3, got %s", o.Method)
	}
	if err := o.checkRouting(bad, oneOf); err != nil {
		return err
	}
	for _, n := range []struct {
		name string
		v    int
		min  int
		max  int
	}{{"steps", o.Steps, 1, maxSteps}, {"batch", o.Batch, 1, 0}, {"warmup", o.Warmup, 0, 0}, {"shots", o.Shots, 0, 0}, {"rank", o.Rank, 1, maxRank}} {
		if n.v < n.min {
			return bad(n.name, "%d, want %d or more", n.v, n.min)
		}
		if n.max > 0 && n.v > n.max {
			return bad(n.name, "%d, want at most %d", n.v, n.max)
		}
	}
	rates := []struct {
		name string
		v    float64
	}{{"lr", o.LR}, {"router-lr", o.RouterLR}, {"clip", o.Clip}, {"alpha", o.Alpha}}
	if o.WeightDecay != nil {
		rates = append(rates, struct {
			name string
			v    float64
		}{"weight-decay", *o.WeightDecay})
	}
	for _, r := range rates {
		if !(r.v >= 0) || math.IsInf(r.v, 0) {
			return bad(r.name, "%v, want a number of 0 or more", r.v)
		}
	}
	if !(o.Holdout >= 0 && o.Holdout < 1) {
		return bad("holdout", "%v, want a fraction from 0 to below 1", o.Holdout)
	}
	for _, s := range o.SaveSteps {
		if s < 1 || s > o.Steps {
			return bad("save-steps", "%d, want 1 to %d", s, o.Steps)
		}
	}
	return nil
}

// optim are the settings of training. --weight-decay goes for every trained
// tensor; unset it is 0.01 for A and B and 0 for logits, and 0 for all with
// Adafactor, as in T-Few.
func (o *AdaptOptions) optim() tune.Optim {
	t := tune.Optim{Name: o.Optimizer, ScaleParameter: o.ScaleParameter, Loss: o.Loss,
		LR: o.LR, RouterLR: o.RouterLR, Decay: 0.01, Clip: o.Clip, Warmup: o.Warmup, Steps: o.Steps, Linear: o.Schedule == "linear"}
	if o.Optimizer == tune.Adafactor {
		t.Decay = 0
	}
	if o.WeightDecay != nil {
		t.Decay, t.RouterDecay = *o.WeightDecay, *o.WeightDecay
	}
	return t
}
