package tune

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/tensor"
)

// Snapshot is the state of training as safetensors bytes: every trained
// variable with its optimiser's averages, and the number of steps done. A trainer made
// with the same method, rows, batches and settings goes on from it as if it had
// never stopped: batch order hangs on the seed alone. Values that are not finite
// are an Input fault: nothing goes on from them.
func (t *Trainer) Snapshot(ctx context.Context) ([]byte, error) {
	var ts []safetensors.Tensor
	for _, st := range t.states {
		for _, v := range st.vars() {
			data := make([]float32, tensor.Numel(v.Shape))
			if err := t.d.ReadVar(ctx, v, tensor.F32Bytes(data)); err != nil {
				return nil, err
			}
			if !tensor.Finite(data) {
				return nil, fault.Inputf("adapt", "%s is not finite any more", v.Name).Next("lower the learning rate")
			}
			ts = append(ts, safetensors.Tensor{Name: v.Name, Shape: v.Shape, Data: data})
		}
	}
	return safetensors.Encode(ts, map[string]string{"method": t.method.Name, "optimizer": t.optim.Name, "step": strconv.Itoa(t.step)})
}

// Restore goes back, or on, to a snapshot. One of another method or other
// shapes is refused and changes nothing.
func (t *Trainer) Restore(ctx context.Context, snapshot []byte) error {
	f, err := safetensors.Open(format.BytesBlob(snapshot))
	if err != nil {
		return err
	}
	step, err := strconv.Atoi(f.Metadata["step"])
	if err != nil || step < 0 || step > len(t.batches) || f.Metadata["method"] != t.method.Name {
		return fault.Inputf("snapshot", "method %q at step %q, want %s and at most %d steps", f.Metadata["method"], f.Metadata["step"], t.method.Name, len(t.batches))
	}
	if got, want := f.Metadata["optimizer"], t.optim.Name; cmp.Or(got, AdamW) != cmp.Or(want, AdamW) {
		return fault.Inputf("snapshot", "optimizer %q, want %q", got, want).Next("use the settings that it was made with")
	}
	values := map[*tensor.Var][]float32{}
	for _, st := range t.states {
		for _, v := range st.vars() {
			if shape, _ := f.Shape(v.Name); fmt.Sprint(shape) != fmt.Sprint(v.Shape) {
				return fault.Inputf("snapshot", "%s has shape %v, want %v", v.Name, shape, v.Shape).Next("use the inventory and settings that it was made with")
			}
			if values[v], err = f.F32(v.Name); err != nil {
				return err
			}
		}
	}
	for v, data := range values {
		if err := t.d.WriteVar(ctx, v, tensor.F32Bytes(data)); err != nil {
			return err
		}
	}
	t.step = step
	return nil
}
