package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// selfTestPath is where the self-test's model and numbers lie.
const selfTestPath = "selftest/"

// goldenFile is golden.json: rows, and the losses that each method is to have
// on them.
type goldenFile struct {
	Made      string  `json:"made"`
	Tolerance float64 `json:"tolerance"` // of a loss, absolute
	Examples  string  `json:"examples"`
	Runs      []struct {
		Name    string         `json:"name"`
		Options map[string]any `json:"options"`
		Losses  []float64      `json:"losses"`
	} `json:"runs"`
}

// testState is the self-test.
type testState struct {
	stop    context.CancelFunc // set while it runs
	doing   string
	made    string // what the numbers come from
	results []testResult
}

// testResult is a method on a device.
type testResult struct {
	Device, Method string
	Steps          int
	Worst, Limit   float64 // of the losses' differences
	At             int     // the step of the worst
	MS             float64 // a step, without the first
	Skipped        string  // why it was not run
	Fault          string
}

func (r *testResult) passed() bool {
	return r.Fault == "" && r.Skipped == "" && r.Steps > 0 && r.Worst <= r.Limit
}

// text is the result in a line.
func (r *testResult) text() string {
	switch {
	case r.Skipped != "":
		return r.Device + ": not run, " + clip(r.Skipped, 200)
	case r.Fault != "":
		return r.Device + ", " + r.Method + ": FAIL, " + clip(r.Fault, 300)
	}
	word := "pass"
	if !r.passed() {
		word = "FAIL"
	}
	return fmt.Sprintf("%s, %s: %s, %d steps, losses off by at most %.1e (step %d, allowed %.0e), %s a step", r.Device, short(r.Method), word, r.Steps, r.Worst, r.At, r.Limit, stepTime(r.MS))
}

// SelfTest trains a small model with known losses on each device of this
// browser, in an engine of its own.
func (a *App) SelfTest() {
	t := &a.check.test
	if t.stop != nil || a.busy() {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	*t = testState{stop: stop, doing: "Starting"}
	a.say("The self-test starts")
	go func() {
		err := a.selfTest(ctx)
		a.page.Update(func() {
			stop()
			t.stop, t.doing = nil, ""
			if err != nil {
				a.show("self-test", err)
				return
			}
			a.say(t.verdict())
		})
	}()
}

// StopTest ends the self-test.
func (a *App) StopTest() {
	if t := &a.check.test; t.stop != nil {
		t.stop()
	}
}

func (a *App) selfTest(ctx context.Context) error {
	raw, err := a.page.Get(ctx, selfTestPath+"golden.json")
	if err != nil {
		return err
	}
	var g goldenFile
	if json.Unmarshal(raw, &g) != nil || len(g.Runs) == 0 {
		return fault.New(fault.Corrupt, "self-test", "golden.json is not understood").Next("reload the page")
	}
	a.page.Update(func() { a.check.test.made = g.Made })
	for _, kind := range []string{"cpu", "gpu"} {
		if err := a.testDevice(ctx, kind, &g); err != nil {
			return err
		}
	}
	return nil
}

// testDevice runs all methods on a device. A fault of it is a result.
func (a *App) testDevice(ctx context.Context, kind string, g *goldenFile) error {
	add := func(r testResult) {
		r.Limit = g.Tolerance
		a.page.Update(func() { a.check.test.results = append(a.check.test.results, r) })
	}
	a.page.Update(func() { a.check.test.doing = "Opening on " + kind })
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	o := opening{Device: deviceOptions{Kind: kind}}
	for _, f := range []string{"config.json", "model.safetensors"} {
		o.Base = append(o.Base, source{URL: a.page.URL(selfTestPath + "base/" + f), Of: "Self-test"})
	}
	for _, f := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		o.Inventory = append(o.Inventory, source{URL: a.page.URL(selfTestPath + "inventory/" + f), Of: "Self-test"})
	}
	device := kind
	raw, _, err := c.Call(ctx, "open", o, nil, nil)
	var got info
	switch {
	case ctx.Err() != nil:
		return nil
	case fault.Is(err, fault.NoGPU):
		add(testResult{Device: kind, Skipped: "this browser offers none"})
		return nil
	case err != nil:
		add(testResult{Device: kind, Method: "opening", Fault: err.Error()})
		return nil
	case json.Unmarshal(raw, &got) == nil && got.Device.Name != "":
		device = kind + " (" + clip(got.Device.Name, 80) + ")"
	}
	for _, run := range g.Runs {
		a.page.Update(func() { a.check.test.doing = short(run.Name) + " on " + kind })
		options := maps.Clone(run.Options)
		options["examples"] = g.Examples
		var times []float64
		raw, _, err := c.Call(ctx, "adapt", options, nil, func(e rpc.Event) {
			var steps []stepEvent
			if e.Kind == "step" && json.Unmarshal(e.Data, &steps) == nil {
				for _, s := range steps {
					times = append(times, s.MS)
				}
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		r := testResult{Device: device, Method: run.Name}
		var f fit
		if err == nil && json.Unmarshal(raw, &f) != nil {
			err = fault.New(fault.Bug, "self-test", "got an answer that is not understood")
		}
		if err != nil {
			r.Fault = err.Error()
		} else {
			r.compare(f.Losses, run.Losses)
		}
		if n := len(times); n > 1 {
			for _, ms := range times[1:] {
				r.MS += ms / float64(n-1)
			}
		}
		add(r)
	}
	return nil
}

// compare finds the step whose loss is off the most.
func (r *testResult) compare(got, want []float64) {
	r.Steps = len(got)
	if len(got) != len(want) {
		r.Fault = fmt.Sprintf("got %d steps, want %d", len(got), len(want))
		return
	}
	for i := range got {
		d := math.Abs(got[i] - want[i])
		if math.IsNaN(d) {
			r.Fault = fmt.Sprintf("the loss of step %d is no number", i+1)
			return
		}
		if d >= r.Worst {
			r.Worst, r.At = d, i+1
		}
	}
}

// verdict sums the results up.
func (t *testState) verdict() string {
	passed, ran := 0, 0
	for i := range t.results {
		if t.results[i].Skipped == "" {
			ran++
		}
		if t.results[i].passed() {
			passed++
		}
	}
	switch {
	case ran == 0:
		return "The self-test was stopped."
	case passed == ran:
		return fmt.Sprintf("Passed: all %d runs have the losses of %s.", ran, t.made)
	}
	return fmt.Sprintf("Failed: %d of %d runs. Please copy the report and send it along.", ran-passed, ran)
}
