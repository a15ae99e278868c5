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
	"errors"
	"io"

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
		d.use(b)
		d.info.MaxBinding, d.info.Memory, d.info.Total = o.MaxBinding, o.Memory, total()
		return d, nil
	})
}

// Device is the cpu device.
type Device struct {
	info   device.Info
	table  map[graph.Kind]kernel
	blas   products
	vars   map[*tensor.Var]*buf
	lost   chan error
	panel  []float32 // widened rows of the weight in use: of the widest that was compiled
	scores []scores  // of the attention in use: of the most keys that were compiled
	spare  []byte    // that a weight was read into which now lies elsewhere, for the next
}

// Held is how many bytes a variable takes: as it is stored.
func (d *Device) Held(v *tensor.Var) int64 { return int64(v.Bytes()) }

// Limit sets the budget of a step.
func (d *Device) Limit(step int64) { d.info.Memory = step }

// New makes a device with the chosen kernels.
func New(k Kernels) device.Device {
	d := &Device{vars: map[*tensor.Var]*buf{}, lost: make(chan error)}
	if k == Reference {
		d.table, d.info = reference, device.Info{Kind: "cpu", Name: "Go (reference)", Backend: "go", Family: "reference"}
		return d
	}
	d.info.Kind = "cpu"
	d.use(defaultBlas())
	d.table = map[graph.Kind]kernel{}
	for kind, f := range reference {
		d.table[kind] = f
	}
	for kind, f := range fast {
		d.table[kind] = f
	}
	return d
}

// use takes products and says so.
func (d *Device) use(b products) {
	d.blas = b
	d.info.Name, d.info.Family, d.info.Backend = b.name(), b.family(), b.family()
	if d.info.Backend == "relaxed" || d.info.Backend == "plain" {
		d.info.Backend = "wasm-simd"
	}
}

// buf is a value's storage: F32 values, I32 indices, or a weight's raw bytes.
type buf struct {
	f     []float32
	i     []int32
	raw   []byte
	fetch func(lo, hi int) []byte // of what is stored, where that lies elsewhere
	still bool                    // nothing is expected to write it
	dt    tensor.DType
	shape []int
}

// rows and cols of a matrix.
func (b *buf) rows() int { return b.shape[0] }
func (b *buf) cols() int { return tensor.Numel(b.shape[1:]) }

// bytes views the storage.
func (b *buf) bytes() []byte {
	switch {
	case b.fetch != nil:
		return b.fetch(0, b.dt.Bytes(b.shape...))
	case b.dt == tensor.F32:
		return tensor.F32Bytes(b.f)
	case b.dt == tensor.I32:
		return tensor.I32Bytes(b.i)
	}
	return b.raw
}

// stored is the raw bytes of a weight's rows [lo, hi).
func (b *buf) stored(lo, hi int) []byte {
	n := b.dt.Bytes(1, b.cols())
	if b.fetch != nil {
		return b.fetch(lo*n, hi*n)
	}
	return b.raw[lo*n : hi*n]
}

// decodeRows widens rows [lo, hi) into dst.
func (b *buf) decodeRows(dst []float32, lo, hi int) {
	n := b.cols()
	switch {
	case b.f != nil:
		copy(dst, b.f[lo*n:hi*n])
		return
	case b.dt == tensor.F32:
		copy(tensor.F32Bytes(dst), b.stored(lo, hi))
		return
	}
	tensor.Decode(b.dt, dst[:(hi-lo)*n], b.stored(lo, hi))
}

// kernel makes a step's closure at compile time: in are its inputs, out its
// output (for effects, the variable). Scratch is allocated here, not in a run.
type kernel func(d *Device, n *graph.Node, in []*buf, out *buf) func()

func (d *Device) Info() device.Info  { return d.info }
func (d *Device) Lost() <-chan error { return d.lost }

// Close drops every value; later calls are faults.
func (d *Device) Close() error {
	if d.vars == nil {
		return nil
	}
	for v := range d.vars {
		d.Free(v)
	}
	d.vars = nil
	if s, ok := d.blas.(shared); ok {
		s.leave()
	}
	return nil
}

// Free drops values; programs that use them must be closed first.
func (d *Device) Free(vs ...*tensor.Var) {
	for _, v := range vs {
		if s, ok := d.blas.(shared); ok && d.vars[v] != nil {
			s.release(d.vars[v])
		}
		delete(d.vars, v)
	}
}

// value gives a variable's storage, loading it on first use.
func (d *Device) value(v *tensor.Var) (*buf, error) {
	if d.vars == nil {
		return nil, fault.New(fault.Bug, "cpu", "the device is closed")
	}
	if b := d.vars[v]; b != nil {
		return b, nil
	}
	op := "load " + v.Name
	if v.Init != nil && (v.Init.DType() != v.DType || tensor.Numel(v.Init.Shape()) != tensor.Numel(v.Shape)) {
		return nil, fault.Inputf(op, "got %v %v, want %v %v", v.Init.DType(), v.Init.Shape(), v.DType, v.Shape)
	}
	b := &buf{dt: v.DType, shape: v.Shape, still: v.Init != nil && !v.Trainable}
	if v.Frozen {
		b.f = tensor.F32Values(v.Init)
	}
	if b.f != nil {
		d.vars[v] = b
		return b, nil
	}
	switch v.DType {
	case tensor.F32:
		b.f = make([]float32, tensor.Numel(v.Shape))
	case tensor.I32:
		b.i = make([]int32, tensor.Numel(v.Shape))
	default:
		b.raw = d.room(v.Bytes())
	}
	if v.Init != nil {
		dst := b.bytes()
		if n, err := v.Init.ReadAt(dst, 0); n < len(dst) {
			if err == nil || errors.Is(err, io.EOF) {
				return nil, fault.New(fault.Corrupt, op, "got %d bytes, want %d", n, len(dst)).Next("get the file again")
			}
			return nil, fault.From(op, err)
		}
	}
	d.vars[v] = b
	return b, nil
}

// room is where a stored weight is read to.
func (d *Device) room(n int) []byte {
	if r := d.spare; cap(r) >= n {
		d.spare = nil
		return r[:n]
	}
	return make([]byte, n)
}

// hold lets helpers have a weight, where there are any. Where it then lies with
// them, the next can be read into its place.
func (d *Device) hold(w *buf) {
	s, ok := d.blas.(shared)
	if !ok {
		return
	}
	raw := w.raw
	if s.hold(w); w.raw == nil && cap(raw) > cap(d.spare) {
		d.spare = raw
	}
}

// own brings F32 values back that helpers hold, to be written.
func (d *Device) own(b *buf) {
	if b.fetch == nil || b.dt != tensor.F32 {
		return
	}
	b.f = tensor.BytesF32(b.bytes())
	b.fetch, b.still = nil, false
	d.blas.(shared).release(b)
}

// stored is a variable's storage for a caller with n bytes.
func (d *Device) stored(op string, v *tensor.Var, n int) ([]byte, error) {
	if n != v.Bytes() {
		return nil, fault.New(fault.Bug, op, "%s: got %d bytes, want %d", v, n, v.Bytes())
	}
	b, err := d.value(v)
	if err != nil {
		return nil, err
	}
	return b.bytes(), nil
}

// ReadVar copies a variable's bytes as they are stored.
func (d *Device) ReadVar(_ context.Context, v *tensor.Var, dst []byte) error {
	b, err := d.stored("cpu.ReadVar", v, len(dst))
	copy(dst, b)
	return err
}

// WriteVar sets an F32 or I32 variable's value.
func (d *Device) WriteVar(_ context.Context, v *tensor.Var, src []byte) error {
	if v.DType != tensor.F32 && v.DType != tensor.I32 {
		return fault.Unsupportedf("cpu.WriteVar", "%s: got a stored weight, want an F32 or I32 variable", v)
	}
	if v.Frozen {
		return fault.New(fault.Bug, "cpu.WriteVar", "%s is frozen", v)
	}
	if b := d.vars[v]; b != nil {
		d.own(b)
	}
	b, err := d.stored("cpu.WriteVar", v, len(src))
	copy(b, src)
	return err
}
