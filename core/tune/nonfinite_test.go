package tune_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/chaos"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/tune"
)

// trainsMu is mu on four golden rows, four steps.
func trainsMu(t *testing.T, d device.Device, lr float64) *tune.Trainer {
	t.Helper()
	rows, per := goldenRows(t)
	inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(golden, "s4", "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := tune.NewTrainer(context.Background(), d, goldenModel(t), tune.Mu(inv), rows, [][]int{{0, 1}, {2, 3}, {per, per + 1}, {1, 2}}, tune.Optim{LR: lr, Steps: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// last steps until a fault or the end.
func last(tr *tune.Trainer) (s tune.Step, err error) {
	for !tr.Done() && err == nil {
		s, err = tr.Step(context.Background())
	}
	return s, err
}

// A rate that is far too high: the fault names the step, and an op with its
// weights; also where a step is computed in parts.
func TestFault14TheFirstOpThatIsNotFiniteIsNamed(t *testing.T) {
	d := cpu.New(cpu.Fast)
	whole := trainsMu(t, d, 1e20)
	namesFirst(t, whole)
	d.(device.Budgeted).Limit(whole.Stats().Arena * 3 / 5)
	split := trainsMu(t, d, 1e20)
	if split.Parts() < 2 {
		t.Errorf("%d parts in half the memory", split.Parts())
	}
	namesFirst(t, split)
}

func namesFirst(t *testing.T, tr *tune.Trainer) {
	t.Helper()
	s, err := last(tr)
	if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "first from ") || !strings.Contains(err.Error(), " model.layers.") || !strings.Contains(err.Error(), "lower the learning rate (now 1e+20)") {
		t.Fatalf("after step %d: %v", s.Step, err)
	}
	if s.Step < 2 {
		t.Errorf("step %d has finite values to begin with", s.Step)
	}
	t.Log(err)
}

// A state that is not finite is not kept.
func TestFault14NothingIsKeptThatIsNotFinite(t *testing.T) {
	base := cpu.New(cpu.Fast)
	free := chaos.Wrap(base, base.Info())
	tr := trainsMu(t, free, 1e-2)
	if _, err := tr.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := free.Operations()
	if _, err := tr.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	for at := before; at < free.Operations(); at += 3 {
		base := cpu.New(cpu.Fast)
		tr := trainsMu(t, chaos.Wrap(base, base.Info(), chaos.Fault{Kind: chaos.NaN, At: at - before + 1}), 1e-2)
		if b, err := tr.Snapshot(context.Background()); !fault.Is(err, fault.Input) {
			t.Errorf("operation %d: %d bytes, %v", at, len(b), err)
		}
	}
}

// What a device gives once and not again is told as its mistake, wherever in a
// step it happens.
func TestFault14AValueThatDoesNotComeAgainIsTheDevices(t *testing.T) {
	base := cpu.New(cpu.Fast)
	free := chaos.Wrap(base, base.Info())
	want, err := last(trainsMu(t, free, 1e-2))
	if err != nil {
		t.Fatal(err)
	}
	struck := 0
	for at := 1; at < free.Operations(); at++ {
		base := cpu.New(cpu.Fast)
		d := chaos.Wrap(base, base.Info(), chaos.Fault{Kind: chaos.NaN, At: at})
		tr := trainsMu(t, d, 1e-2)
		s, err := last(tr)
		if err == nil {
			if s.Loss != want.Loss || math.IsNaN(s.GradNorm) {
				t.Errorf("operation %d: loss %v without a fault, want %v", at, s.Loss, want.Loss)
			}
			continue
		}
		if fault.Is(err, fault.DeviceLost) {
			struck++
		} else if !strings.Contains(err.Error(), "is not finite") && !strings.Contains(err.Error(), "first from") {
			t.Errorf("operation %d: %v", at, err)
		}
	}
	if struck < 4 {
		t.Errorf("%d operations gave a NaN that did not come again", struck)
	}
}
