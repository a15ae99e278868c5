package tune_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/tune"
)

// TestSnapshotGoesOnBitForBit stops after two of four steps, goes on in a new
// trainer on a new device, and gives the same bits as never having stopped.
func TestSnapshotGoesOnBitForBit(t *testing.T) {
	ctx := context.Background()
	rows, per := goldenRows(t)
	batches := [][]int{{0, 1}, {2, 3}, {per, per + 1}, {1, 2}}
	start := func(d device.Device, method, optimizer string) (*tune.Trainer, *tune.Method) {
		inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(golden, "s4", "adapter_init")))
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]*tune.Method{"z": tune.Z(inv, inv.FreshLogits(1)), "mu": tune.Mu(inv), "mhr": tune.MHR(inv)}[method]
		tr, err := tune.NewTrainer(ctx, d, goldenModel(t), m, rows, batches, tune.Optim{Name: optimizer, ScaleParameter: true, LR: 1e-2, RouterLR: 0.1, Decay: 0.01, Clip: 1, Warmup: 1, Steps: 4, Linear: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tr.Close() })
		return tr, m
	}
	steps := func(tr *tune.Trainer, n int) (losses []float64) {
		for ; n > 0; n-- {
			s, err := tr.Step(ctx)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, s.Loss)
		}
		return losses
	}
	for _, run := range [][2]string{{"z", tune.AdamW}, {"mu", tune.AdamW}, {"mhr", tune.AdamW}, {"z", tune.Adafactor}, {"mu", tune.Adafactor}, {"mhr", tune.Adafactor}} {
		method, optimizer := run[0], run[1]
		d1, d2 := cpu.New(cpu.Fast), cpu.New(cpu.Fast)
		whole, m1 := start(d1, method, optimizer)
		steps(whole, 2)
		snap, err := whole.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := steps(whole, 2)
		again, m2 := start(d2, method, optimizer)
		if err := again.Restore(ctx, snap[:len(snap)-1]); err == nil {
			t.Errorf("%v: a cut snapshot must be refused", run)
		}
		if err := again.Restore(ctx, snap); err != nil {
			t.Fatal(err)
		}
		if got := steps(again, 2); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: losses %v after the snapshot, want %v", run, got, want)
		}
		l1, err1 := m1.Collapse(ctx, d1)
		l2, err2 := m2.Collapse(ctx, d2)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(l1, l2) {
			t.Errorf("%v: what was learned differs after a restore (%v, %v)", run, err1, err2)
		}
	}
	z, _ := start(cpu.New(cpu.Fast), "z", "")
	snap, err := z.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][2]string{{"mu", tune.AdamW}, {"z", tune.Adafactor}} {
		tr, _ := start(cpu.New(cpu.Fast), other[0], other[1])
		if err := tr.Restore(ctx, snap); err == nil {
			t.Errorf("%v: a snapshot of z by AdamW must be refused", other)
		}
	}
	same, _ := start(cpu.New(cpu.Fast), "z", tune.AdamW)
	if err := same.Restore(ctx, snap); err != nil {
		t.Errorf("AdamW is what an empty name means: %v", err)
	}
}
