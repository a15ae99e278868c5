package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/hf"
	"handful/core/model"
	"handful/core/tensor"
	"handful/core/tune"
)

// roomy is a device that has so much room.
type roomy struct {
	device.Device
	total, limit int64
}

func (r *roomy) Info() device.Info {
	i := r.Device.Info()
	i.Total, i.Memory = r.total, r.limit
	return i
}
func (r *roomy) Held(v *tensor.Var) int64 { return int64(v.Bytes()) }
func (r *roomy) Limit(step int64)         { r.limit = step }

func shaped(t *testing.T, name string, dt tensor.DType) (config format.Object, m model.Model, bytes int64) {
	t.Helper()
	raw, tensors, err := hf.RandomModel(name, dt, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	c, err := hf.ParseConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = model.Open(c.Config, stored(tensors)); err != nil {
		t.Fatal(err)
	}
	for _, s := range tensors {
		bytes += int64(s.DType().Bytes(s.Shape()...))
	}
	return config, m, bytes
}

type stored map[string]tensor.Source

func (s stored) Names() []string                           { return nil }
func (s stored) Tensor(name string) (tensor.Source, error) { return s[name], nil }

// What is planned is what a run takes: weights as they are stored, and a step's
// values, gradients and averages as the device lays them out.
func TestNeedIsWhatIsTaken(t *testing.T) {
	for _, c := range []string{golden, goldenT5} {
		ckpt, err := hf.Open(formattest.Folder(t, c))
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Open(ckpt.Config.Config, ckpt)
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := device.Open(context.Background(), device.Options{Kind: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		n, err := needOf(m, d)
		if err != nil {
			t.Fatal(err)
		}
		if n.Weights != ckpt.Bytes() {
			t.Errorf("%s: %d bytes of weights, want %d", c, n.Weights, ckpt.Bytes())
		}
		row := tune.Row{IDs: make([]int32, 64), Labels: make([]int32, 64)}
		for i := range 56 {
			row.Labels[i] = -100
		}
		if m.Config().Encodes() {
			row = tune.Row{Source: make([]int32, 56), IDs: make([]int32, 8), Labels: append([]int32{-100}, make([]int32, 7)...)}
		}
		o := Defaults("lora")
		o.Steps = 1
		rows, batch := make([]tune.Row, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}
		for i := range rows {
			rows[i] = row
		}
		lora := plannedLoRA(m)
		tr, err := tune.NewTrainer(context.Background(), d, m, lora, rows, [][]int{batch}, o.optim())
		if err != nil {
			t.Fatal(err)
		}
		s, trained := tr.Stats(), int64(0)
		for _, p := range lora.Trained {
			trained += int64(p.Var.Bytes())
		}
		if want := s.Arena + s.Inputs + 3*trained; n.Step < want || n.Step > want+want/20 { // and tables of positions
			t.Errorf("%s: a step of %d bytes, want %d values, %d inputs and 3 times %d", c, n.Step, s.Arena, s.Inputs, trained)
		}
		tr.Close()
	}
}

// Shapes that people ask for, against what a tab with wasm's memory has.
func TestFault03WeightsAboveTheBudget(t *testing.T) {
	cpu, _, err := device.Open(context.Background(), device.Options{Kind: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer cpu.Close()
	const tab = 4<<30 - 384<<20
	for _, c := range []struct {
		shape string
		dt    tensor.DType
		fits  bool
	}{{"smollm2-135m", tensor.F32, true}, {"t5-large", tensor.F32, true}, {"t5-large", tensor.BF16, true}, {"tinyllama-1.1b", tensor.BF16, true}, {"tinyllama-1.1b", tensor.F32, false}} {
		config, m, bytes := shaped(t, c.shape, c.dt)
		d := &roomy{Device: cpu, total: tab}
		n, err := needOf(m, d)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %v: %d MB of weights, %d MB a step", c.shape, c.dt, n.Weights/1e6, n.Step/1e6)
		if off := n.Weights - bytes; off < 0 || off > bytes/1000 || n.Step < 50e6 || n.Step > 1600e6 { // norms are widened
			t.Errorf("%s %v: %+v, the file has %d", c.shape, c.dt, n, bytes)
		}
		before := Admit(d, c.shape, config, bytes)
		if (before == nil) != c.fits || (n.within(c.shape, tab, "cpu") == nil) != c.fits {
			t.Errorf("%s %v: before the download %v, want fits %v", c.shape, c.dt, before, c.fits)
		}
		if !c.fits && (!fault.Is(before, fault.Memory) || !strings.Contains(before.Error(), "have 3892 MB on this cpu; ") || strings.Contains(before.Error(), "\n")) {
			t.Errorf("%s: %v", c.shape, before)
		}
	}
	d := &roomy{Device: cpu, total: 1000e6}
	if err := Admit(d, "x.gguf", nil, 1001e6); !fault.Is(err, fault.Memory) || !strings.Contains(err.Error(), "x.gguf: need 1001 MB, have 1000 MB") {
		t.Errorf("a file without a config: %v", err)
	}
	if err := Admit(d, "x.gguf", nil, 999e6); err != nil {
		t.Error(err)
	}
	if err := Admit(&roomy{Device: cpu}, "x", nil, 1e15); err != nil {
		t.Errorf("where nothing is known: %v", err)
	}
	if err := Admit(d, "x", format.Object{"model_type": json.RawMessage(`"bert"`)}, 1); !fault.Is(err, fault.Unsupported) {
		t.Errorf("another model: %v", err)
	}
}

// What is open leaves the rest of the room to steps, which are held against it.
func TestRoomForSteps(t *testing.T) {
	e := openT5(t, "cpu")
	d := &roomy{Device: e.dev.Device, total: 50e6}
	e.dev.Device = d
	if err := e.room(); err != nil || e.info.Need == nil || d.limit != 50e6-e.info.Need.Weights {
		t.Errorf("%v, %+v, limit %d", err, e.info.Need, d.limit)
	}
	d.total = 1e5
	if err := e.room(); !fault.Is(err, fault.Memory) {
		t.Errorf("got %v", err)
	}
}

// With room for two rows of a step's four a run comes to the same end: it is
// said, and goes on from a snapshot to the same bits.
func TestARunInParts(t *testing.T) {
	o := small(t, "z")
	o.Batch, o.SnapshotEvery = 4, 1e-9
	ctx := context.Background()
	adapt := func(limit int64, from []byte) (fit *Fit, plan *PlanEvent, kept []byte) {
		e, _, err := openOn(t, "cpu")
		if err != nil {
			t.Fatal(err)
		}
		e.dev.limit(limit)
		on := func(ev Event) {
			switch {
			case ev.Plan != nil:
				plan = ev.Plan
			case ev.Snapshot != nil && ev.Snapshot.Step == 3:
				kept = ev.Snapshot.Bytes
			}
		}
		if from == nil {
			fit, err = e.Adapt(ctx, o, on)
		} else {
			fit, err = e.Resume(ctx, from, on)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fit, plan, kept
	}
	want, plan, _ := adapt(0, nil)
	if plan.Parts != 1 || len(plan.Hints) > 0 {
		t.Errorf("without a limit %d parts, %q", plan.Parts, plan.Hints)
	}
	limit := plan.Arena
	for plan.Parts < 2 {
		limit = limit * 3 / 4
		_, plan, _ = adapt(limit, nil)
	}
	fit, plan, kept := adapt(limit, nil)
	if !strings.Contains(strings.Join(plan.Hints, " "), "a batch is computed in 2 parts") {
		t.Errorf("%d parts, hints %q", plan.Parts, plan.Hints)
	}
	for i, l := range want.Losses {
		if math.Abs(fit.Losses[i]-l) > 1e-5 {
			t.Errorf("step %d in parts: loss %v, want %v", i+1, fit.Losses[i], l)
		}
	}
	if on, _, _ := adapt(limit, kept); fmt.Sprint(on.Losses) != fmt.Sprint(fit.Losses) {
		t.Errorf("gone on from step 3: losses %v, want %v", on.Losses, fit.Losses)
	}
}
