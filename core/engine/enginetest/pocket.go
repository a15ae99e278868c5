// Package enginetest is what an engine must survive on every platform: random
// faults, and hundreds of sessions. Go tests run it natively, and a program for
// the Worker in a browser.
package enginetest

import (
	"context"
	"fmt"

	"handful/core/device"
	"handful/core/device/chaos"
	"handful/core/engine"
	"handful/core/format"
	"handful/core/tune"
)

// Pocket is the pocket model, and the device of its sessions.
type Pocket struct {
	Base, Inventory format.Folder
	Device          string // what is made to fail: cpu or gpu
}

// always makes a snapshot after every step.
const always = 1e-9

// open opens it on devices of the kind that fail as planned.
func (p Pocket) open(ctx context.Context, kind string, plan ...[]chaos.Fault) (*engine.Engine, *chaos.Rig, error) {
	r := &chaos.Rig{Plan: plan, Base: p.Device}
	e, err := engine.Open(ctx, engine.OpenOptions{Base: p.Base, Inventory: p.Inventory, Device: device.Options{Kind: kind}, OpenDevice: r.Open})
	return e, r, err
}

// run is a short fine-tune of it, with a table.
func run(method string, every float64) engine.AdaptOptions {
	o := engine.Defaults(method)
	o.Examples, o.Held = "walk => walks\nrun => runs\nsee => sees\ngo => goes\n", "play => plays\ntry => tries\n"
	o.Steps, o.Batch, o.Score, o.Seed, o.Loss, o.SnapshotEvery, o.SaveSteps = 6, 2, true, 5, tune.LossLM, every, []int{4}
	return o
}

// differs tells how a fit differs from the one that nothing disturbed.
func differs(got, want *engine.Fit) string {
	if fmt.Sprint(got.Losses) != fmt.Sprint(want.Losses) {
		return fmt.Sprintf("losses %v, want %v", got.Losses, want.Losses)
	}
	a, b := weights(got), weights(want)
	if len(a) != len(b) {
		return fmt.Sprintf("%d files of weights, want %d", len(a), len(b))
	}
	for name := range b {
		if a[name] != b[name] {
			return "another " + name
		}
	}
	return ""
}

// weights are a fit's files of tensors.
func weights(f *engine.Fit) map[string]string {
	out := map[string]string{}
	for _, x := range f.Export() {
		if format.Sniff(x.Bytes) == "safetensors" {
			out[x.Name] = string(x.Bytes)
		}
	}
	return out
}
