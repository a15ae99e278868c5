package engine

import (
	"context"
	"time"

	"handful/core/device"
	"handful/core/fault"
)

// DeviceOpener opens a device and tells why this one: device.Open, unless a
// program brings its own.
type DeviceOpener func(context.Context, device.Options) (device.Device, string, error)

// machine is the engine's device, and how to have another one when it is lost:
// variables are uploaded again on their next use. A device other than the cpu
// is held against the reference before it is used, and before what it made is
// kept.
type machine struct {
	device.Device
	open   DeviceOpener
	o      device.Options
	why    string
	shape  canaryShape
	canary *canary // nil: the device is the cpu
	stale  bool    // it is known to be lost
	steps  int64   // see limit
	again  time.Time
	now    func() time.Time
}

// oftenest is how often a lost device is opened again while it works: one that
// goes away at once is not asked for ever.
const oftenest = time.Minute

func newMachine(ctx context.Context, o OpenOptions, s canaryShape) (*machine, error) {
	h := &machine{open: o.OpenDevice, o: o.Device, shape: s, now: time.Now}
	if h.open == nil {
		h.open = device.Open
	}
	return h, h.begin(ctx)
}

// begin opens the device. Where any would do, one that computes wrongly is left
// for the cpu.
func (h *machine) begin(ctx context.Context) (err error) {
	if h.Device, h.why, err = h.open(ctx, h.o); err != nil {
		return err
	}
	h.stale = false
	h.limit(h.steps)
	if err = h.test(ctx); err == nil {
		return nil
	}
	h.shut()
	if h.auto() && ctx.Err() == nil {
		return h.cpu(ctx, err)
	}
	return err
}

// limit leaves so many bytes for steps, on this device and on those to come; 0:
// as many as there are.
func (h *machine) limit(steps int64) {
	h.steps = steps
	if b, ok := h.Device.(device.Budgeted); ok && steps > 0 {
		b.Limit(steps)
	}
}

// auto tells that no kind of device was asked for.
func (h *machine) auto() bool { return h.o.Kind == "auto" || h.o.Kind == "" }

// cpu takes the cpu from now on, because of err.
func (h *machine) cpu(ctx context.Context, because error) (err error) {
	o := h.o
	o.Kind, o.Family = "cpu", ""
	if h.Device, _, err = h.open(ctx, o); err != nil {
		return err
	}
	h.o, h.why, h.stale = o, because.Error(), false
	return nil
}

// test makes the canary and has it sing.
func (h *machine) test(ctx context.Context) (err error) {
	if !h.mayFail() {
		return nil
	}
	if h.canary, err = newCanary(ctx, h.Device, h.shape); err != nil {
		return err
	}
	return h.check(ctx)
}

// mayFail tells devices that can be lost or wrong from the cpu.
func (h *machine) mayFail() bool { return h.Info().Kind != "cpu" }

// check holds the device against the reference: nil where they agree, and for
// the cpu.
func (h *machine) check(ctx context.Context) error {
	if h.canary == nil {
		return nil
	}
	return h.canary.check(ctx)
}

func (h *machine) shut() {
	if h.canary != nil {
		h.canary.close()
		h.canary = nil
	}
	h.Device.Close()
}

// ready opens a device anew that was lost while nobody used it.
func (h *machine) ready(ctx context.Context) error {
	select {
	case <-h.Lost():
		h.stale = true
	default:
	}
	if !h.stale {
		return nil
	}
	h.shut()
	return h.begin(ctx)
}

// saw notes a loss that a call ended with, for the next one.
func (h *machine) saw(err *error) {
	h.stale = h.stale || fault.Is(*err, fault.DeviceLost) && h.mayFail()
}

// revive has another device after err, which says that this one is lost or
// wrong; other errors stay as they are. Where it is lost a second time within
// a minute, and any would do, the cpu takes over.
func (h *machine) revive(ctx context.Context, err error) error {
	if !fault.Is(err, fault.DeviceLost) || !h.mayFail() || ctx.Err() != nil {
		return err
	}
	soon := !h.again.IsZero() && h.now().Sub(h.again) < oftenest
	h.again = h.now()
	h.shut()
	switch {
	case !soon:
		return h.begin(ctx)
	case h.auto():
		return h.cpu(ctx, err)
	}
	if e := h.begin(ctx); e != nil { // for the next use; this one ends
		return e
	}
	return fault.New(fault.DeviceLost, "gpu", "lost twice within a minute (%v)", err).
		Next("go on with the run on the cpu, or close other programs that use the GPU")
}

// Close ends the device and what watches it.
func (h *machine) Close() error {
	if h.canary != nil {
		h.canary.close()
		h.canary = nil
	}
	return h.Device.Close()
}
