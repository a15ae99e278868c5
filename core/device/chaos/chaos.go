// Package chaos makes a device fail on purpose: what tests of the layers above
// it survive. It wraps any device and counts its operations (Compile, Write,
// Run, Read, ReadVar, WriteVar); a fault strikes at the operation that it names.
package chaos

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Kind is what goes wrong.
type Kind string

const (
	Loss   Kind = "loss"   // from then on the device is gone
	Memory Kind = "memory" // the next Compile or Run finds no memory
	NaN    Kind = "nan"    // the next float that is moved is NaN
	Wrong  Kind = "wrong"  // from then on every float that is read is a tenth too large
	Delay  Kind = "delay"  // the operation waits before it begins
)

// Kinds are all of them.
var Kinds = []Kind{Loss, Memory, NaN, Wrong, Delay}

// Fault strikes at operation At, from 0.
type Fault struct {
	Kind Kind
	At   int
	Wait time.Duration // of Delay
}

// Device fails as its faults say.
type Device struct {
	device.Device
	info device.Info
	lost chan error

	mu     sync.Mutex
	faults []Fault
	n      int // operations begun
	gone   error
	wrong  bool
	struck []Kind
}

// Wrap makes d fail. It says of itself what info does: a cpu that calls itself
// a gpu is treated as one.
func Wrap(d device.Device, info device.Info, faults ...Fault) *Device {
	return &Device{Device: d, info: info, lost: make(chan error, 1), faults: slices.Clone(faults)}
}

// Info is what Wrap was given.
func (d *Device) Info() device.Info { return d.info }

// Lost gets the loss.
func (d *Device) Lost() <-chan error { return d.lost }

// Operations tells how many have begun.
func (d *Device) Operations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// Struck lists the faults that have struck.
func (d *Device) Struck() []Kind {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.struck)
}

// Lose loses the device now, as a sleeping machine does.
func (d *Device) Lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose()
}

func (d *Device) lose() {
	if d.gone != nil {
		return
	}
	d.gone = fault.New(fault.DeviceLost, "chaos", "the device is gone").Next("open it again")
	d.lost <- d.gone
}

// begin counts an operation and lets what is due strike. allocates and moves
// say what it can be struck by; poison, that the floats it moves want a NaN.
func (d *Device) begin(ctx context.Context, allocates, moves bool) (poison bool, err error) {
	d.mu.Lock()
	at := d.n
	d.n++
	var wait time.Duration
	left := d.faults[:0]
	for _, f := range d.faults {
		hits := at >= f.At
		switch {
		case hits && f.Kind == Loss:
			d.lose()
		case hits && f.Kind == Wrong:
			d.wrong = true
		case hits && f.Kind == Delay:
			wait = f.Wait
		case hits && f.Kind == NaN && moves:
			poison = true
		case hits && f.Kind == Memory && allocates:
			err = fault.New(fault.Memory, "chaos", "no memory for operation %d", at).Next("take a smaller batch or shorter rows")
		default:
			left = append(left, f)
			continue
		}
		d.struck = append(d.struck, f.Kind)
	}
	d.faults = left
	if d.gone != nil {
		err = d.gone
	}
	d.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, fault.From("chaos", ctx.Err())
		}
	}
	return poison, err
}

// spoil changes floats that have been moved.
func (d *Device) spoil(dt tensor.DType, b []byte, poison, read bool) {
	if dt != tensor.F32 || len(b) < 4 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 0; d.wrong && read && i+4 <= len(b); i += 4 {
		put(b[i:], 1.1*math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
	}
	if poison {
		put(b, float32(math.NaN()))
	}
}

func put(b []byte, v float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(v)) }

func (d *Device) Compile(ctx context.Context, outs ...*graph.Node) (device.Program, error) {
	if _, err := d.begin(ctx, true, false); err != nil {
		return nil, err
	}
	p, err := d.Device.Compile(ctx, outs...)
	if err != nil {
		return nil, err
	}
	return &program{p, d}, nil
}

func (d *Device) ReadVar(ctx context.Context, v *tensor.Var, dst []byte) error {
	poison, err := d.begin(ctx, false, v.DType == tensor.F32)
	if err == nil {
		err = d.Device.ReadVar(ctx, v, dst)
	}
	if err == nil {
		d.spoil(v.DType, dst, poison, true)
	}
	return err
}

func (d *Device) WriteVar(ctx context.Context, v *tensor.Var, src []byte) error {
	poison, err := d.begin(ctx, false, v.DType == tensor.F32)
	if err != nil {
		return err
	}
	if poison {
		src = slices.Clone(src)
		d.spoil(v.DType, src, true, false)
	}
	return d.Device.WriteVar(ctx, v, src)
}

type program struct {
	device.Program
	d *Device
}

func (p *program) Write(in *graph.Node, data []byte) error {
	poison, err := p.d.begin(context.Background(), false, in.DType == tensor.F32)
	if err != nil {
		return err
	}
	if poison {
		data = slices.Clone(data)
		p.d.spoil(in.DType, data, true, false)
	}
	return p.Program.Write(in, data)
}

func (p *program) Run(ctx context.Context) error {
	if _, err := p.d.begin(ctx, true, false); err != nil {
		return err
	}
	return p.Program.Run(ctx)
}

func (p *program) Read(ctx context.Context, out *graph.Node, dst []byte) error {
	poison, err := p.d.begin(ctx, false, out.DType == tensor.F32)
	if err == nil {
		err = p.Program.Read(ctx, out, dst)
	}
	if err == nil {
		p.d.spoil(out.DType, dst, poison, true)
	}
	return err
}
