package tune

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"handful/core/fault"
	"handful/core/format/safetensors"
	"handful/core/tensor"
)

// Snapshot streams the state of training as safetensors: every trained variable
// with its Adam moments, the number of steps done, and meta. A Pretrainer made
// with the same rows, batches and settings goes on from it bit for bit on the
// cpu. Values are read from the device one at a time.
func (t *Pretrainer) Snapshot(ctx context.Context, w io.Writer, meta map[string]string) error {
	m := map[string]string{"step": strconv.Itoa(t.step)}
	for k, v := range meta {
		m[k] = v
	}
	one := &reading{ctx: ctx, read: t.d.ReadVar}
	list := map[string]tensor.Source{}
	for _, v := range t.state() {
		list[v.Name] = &deviceSource{v, one}
	}
	return safetensors.Write(w, list, m)
}

// state are all variables that training changes.
func (t *Pretrainer) state() (vs []*tensor.Var) {
	for _, g := range t.groups {
		for _, v := range g.vars {
			vs = append(vs, v.p, v.m, v.v)
		}
	}
	return vs
}

// Restore goes on from a snapshot. One with other variables, or of more steps
// than there are, is refused and changes nothing.
func (t *Pretrainer) Restore(ctx context.Context, f *safetensors.File) error {
	step, err := strconv.Atoi(f.Metadata["step"])
	if err != nil || step < 0 || step > len(t.batches) {
		return fault.Inputf("resume", "the checkpoint is at step %q, want 0 to %d", f.Metadata["step"], len(t.batches))
	}
	for _, v := range t.state() {
		if shape, _ := f.Shape(v.Name); fmt.Sprint(shape) != fmt.Sprint(v.Shape) {
			return fault.Inputf("resume", "the checkpoint's %s has shape %v, want %v", v.Name, shape, v.Shape).Next("use the settings that it was made with")
		}
	}
	for _, v := range t.state() {
		data, err := f.F32(v.Name)
		if err != nil {
			return err
		}
		if err := t.d.WriteVar(ctx, v, tensor.F32Bytes(data)); err != nil {
			return err
		}
	}
	t.step = step
	return nil
}

// reading holds the value of the variable that was read last.
type reading struct {
	ctx  context.Context
	read func(context.Context, *tensor.Var, []byte) error
	of   *tensor.Var
	data []byte
}

// deviceSource is a variable's value on the device, as a tensor to write.
type deviceSource struct {
	v *tensor.Var
	r *reading
}

func (s *deviceSource) DType() tensor.DType { return s.v.DType }
func (s *deviceSource) Shape() []int        { return s.v.Shape }
func (s *deviceSource) ID() string          { return "" }

func (s *deviceSource) ReadAt(p []byte, off int64) (int, error) {
	if s.r.of != s.v {
		data := make([]byte, s.v.Bytes())
		if err := s.r.read(s.r.ctx, s.v, data); err != nil {
			return 0, err
		}
		s.r.of, s.r.data = s.v, data
	}
	n := copy(p, s.r.data[min(off, int64(len(s.r.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
