// Package cpu is the device that needs no GPU: a plain reference, and fast
// kernels over gonum natively and over a wasm SIMD module in the browser. Both
// run the same plan; tests hold the fast kernels against the reference, and
// the reference against finite differences.
//
// Kernels stand in ref_*.go (plain Go, float64 sums) and fast_*.go, named
// after graph's op_*.go.
package cpu

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Kernels choose an implementation.
type Kernels int

const (
	Fast      Kernels = iota // the best that this platform offers
	Reference                // plain Go, for tests
)

func init() {
	device.Register("cpu", func(_ context.Context, o device.Options) (device.Device, error) {
		b, err := platform(o.Family)
		if err != nil {
			return nil, err
		}
		d := New(Fast).(*Device)
		d.blas, d.info.Name, d.info.Backend, d.info.Family = b, b.name(), b.name(), b.name()
		d.info.MaxBinding, d.info.Memory = o.MaxBinding, o.Memory
		return d, nil
	})
}

// Device is the cpu device.
type Device struct {
	info  device.Info
	table map[graph.Kind]kernel
	blas  products
	vars  map[*tensor.Var]*buf
	lost  chan error
}

// New makes a device with the chosen kernels.
func New(k Kernels) device.Device {
	d := &Device{vars: map[*tensor.Var]*buf{}, lost: make(chan error)}
	if k == Reference {
		d.table, d.info = reference, device.Info{Kind: "cpu", Name: "Go (reference)", Backend: "go", Family: "reference"}
		return d
	}
	d.blas = defaultBlas()
	d.table = map[graph.Kind]kernel{}
	for kind, f := range reference {
		d.table[kind] = f
	}
	for kind, f := range fast {
		d.table[kind] = f
	}
	d.info = device.Info{Kind: "cpu", Name: d.blas.name(), Backend: d.blas.name(), Family: d.blas.name()}
	return d
}

// buf is a value's storage: F32 values, I32 indices, or a weight's raw bytes.
type buf struct {
	f     []float32
	i     []int32
	raw   []byte
	dt    tensor.DType
	shape []int
}

// rows and cols of a matrix.
func (b *buf) rows() int { return b.shape[0] }
func (b *buf) cols() int { return tensor.Numel(b.shape[1:]) }

// decodeRows widens rows [lo, hi) into dst.
func (b *buf) decodeRows(dst []float32, lo, hi int) {
	n := b.cols()
	if b.dt == tensor.F32 {
		copy(dst, b.f[lo*n:hi*n])
		return
	}
	rb := b.dt.Bytes(1, n)
	tensor.Decode(b.dt, dst[:(hi-lo)*n], b.raw[lo*rb:hi*rb])
}

// kernel makes a step's closure at compile time: in are its inputs, out its
// output (for effects, the variable). Scratch is allocated here, not in a run.
type kernel func(d *Device, n *graph.Node, in []*buf, out *buf) func()

func (d *Device) Info() device.Info  { return d.info }
func (d *Device) Lost() <-chan error { return d.lost }
func (d *Device) Close() error       { d.vars = nil; return nil }

// Free drops values; programs that use them must be closed first.
func (d *Device) Free(vs ...*tensor.Var) {
	for _, v := range vs {
		delete(d.vars, v)
	}
}

// value gives a variable's storage, loading it on first use.
func (d *Device) value(v *tensor.Var) (*buf, error) {
	if b := d.vars[v]; b != nil {
		return b, nil
	}
	b := &buf{dt: v.DType, shape: v.Shape}
	switch {
	case v.Init == nil && v.DType != tensor.F32:
		return nil, fault.New(fault.Bug, "cpu", "variable %s has no value", v)
	case v.DType == tensor.F32:
		b.f = make([]float32, tensor.Numel(v.Shape))
		if v.Init != nil {
			if n, err := v.Init.ReadAt(tensor.F32Bytes(b.f), 0); n < 4*len(b.f) {
				return nil, fault.From("read "+v.Name, err)
			}
		}
	default:
		raw, err := tensor.ReadAll(v.Init)
		if err != nil {
			return nil, fault.From("read "+v.Name, err)
		}
		b.raw = raw
		if v.DType == tensor.I32 {
			b.i = make([]int32, len(raw)/4)
			copy(tensor.I32Bytes(b.i), raw)
		}
	}
	d.vars[v] = b
	return b, nil
}

// ReadVar copies an F32 variable's value.
func (d *Device) ReadVar(_ context.Context, v *tensor.Var, dst []byte) error {
	b, err := d.value(v)
	if err != nil {
		return err
	}
	if v.DType != tensor.F32 || len(dst) != 4*len(b.f) {
		return fault.New(fault.Bug, "cpu.ReadVar", "%d bytes for %s", len(dst), v)
	}
	copy(dst, tensor.F32Bytes(b.f))
	return nil
}

// WriteVar sets an F32 variable's value.
func (d *Device) WriteVar(_ context.Context, v *tensor.Var, src []byte) error {
	b, err := d.value(v)
	if err != nil {
		return err
	}
	if v.DType != tensor.F32 || len(src) != 4*len(b.f) {
		return fault.New(fault.Bug, "cpu.WriteVar", "%d bytes for %s", len(src), v)
	}
	copy(tensor.F32Bytes(b.f), src)
	return nil
}
