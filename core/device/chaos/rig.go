package chaos

import (
	"context"

	"handful/core/device"
)

// Rig opens devices that fail: the n-th that is opened has the n-th list of
// faults, later ones none. A cpu that is asked for never fails.
type Rig struct {
	Plan [][]Fault
	Base string // what is made to fail: cpu, which then calls itself a gpu, or gpu; "" is cpu

	Opened []*Device
	Kinds  []string // that were asked for
}

// Open is an engine's way to its devices.
func (r *Rig) Open(ctx context.Context, o device.Options) (device.Device, string, error) {
	r.Kinds = append(r.Kinds, o.Kind)
	base := r.Base
	if o.Kind == "cpu" || base == "" {
		base = "cpu"
	}
	d, why, err := device.Open(ctx, device.Options{Kind: base})
	if err != nil || o.Kind == "cpu" {
		return d, why, err
	}
	info := d.Info()
	info.Software = false // one that is held against the reference
	if base == "cpu" {
		info.Kind, info.Name = "gpu", "Chaos"
	}
	var faults []Fault
	if n := len(r.Opened); n < len(r.Plan) {
		faults = r.Plan[n]
	}
	failing := Wrap(d, info, faults...)
	r.Opened = append(r.Opened, failing)
	return failing, "a test", nil
}
