package tune_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/hf"
	"handful/core/format/peft"
	"handful/core/format/safetensors"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/tensor"
	"handful/core/tune"
)

func polyInventory(t *testing.T, split string) *skill.Inventory {
	t.Helper()
	inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(golden, split, "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// initial gives a golden file's values "init.NAME" as a base's weights.
type initial struct{ formattest.Vectors }

func (w initial) Tensor(name string) (tensor.Source, error) {
	return tensor.F32Source(w.F32("init."+name), w.Shape("init."+name)...), nil
}

// trainedBase is a model whose weights are trained, and these.
func trainedBase(t *testing.T, w model.Weights) (model.Model, []*tensor.Var) {
	t.Helper()
	ck, err := hf.Open(formattest.Folder(t, golden))
	if err != nil {
		t.Fatal(err)
	}
	mc := ck.Config.Config
	if mc.Tied = w == nil; w == nil {
		w = ck
	}
	m, err := model.Open(mc, w)
	if err != nil {
		t.Fatal(err)
	}
	return m, m.Vars()
}

// fours are the golden batches, four rows each.
func fours(per int) (batches [][]int) {
	for b := range 10 {
		var ix []int
		for i := range per {
			ix = append(ix, b*per+i)
		}
		batches = append(batches, ix)
	}
	return batches
}

// TestGoldenBaseTraining holds ten steps of training a base's own weights, with
// and without skills, against torch's (testdata/make_base.py).
func TestGoldenBaseTraining(t *testing.T) {
	rows, per := goldenRows(t)
	for name, d := range devices(t) {
		for _, c := range []string{"tied", "untied", "joint"} {
			t.Run(name+"/"+c, func(t *testing.T) {
				ctx := context.Background()
				want := formattest.Safetensors(t, "testdata/base_"+c+".safetensors")
				var w model.Weights
				if c == "untied" {
					w = initial{want}
				}
				m, vars := trainedBase(t, w)
				what := tune.Pretraining{Base: vars, BaseLR: 3e-3, Optim: tune.Optim{LR: 1e-3, RouterLR: 0.1, Decay: 0.01, RouterDecay: 0.01, Clip: 0.5, Warmup: 2, Steps: 10, Linear: true}}
				if c == "joint" {
					what.Method = tune.MHR(polyInventory(t, "s4"))
					for _, p := range what.Method.Trained {
						vars = append(vars, p.Var)
					}
				}
				tr, err := tune.NewPretrainer(ctx, d, m, what, rows, fours(per))
				if err != nil {
					t.Fatal(err)
				}
				defer d.Free(vars...)
				defer tr.Close()
				for k := range 10 {
					s, err := tr.Step(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if l, n := float64(want.F32("losses")[k]), float64(want.F32("norms")[k]); !near(s.Loss, l, 2e-4, 0) || !near(s.GradNorm, n, 2e-4, 1e-3) {
						t.Errorf("step %d: loss %v, norm %v; want %v, %v", k+1, s.Loss, s.GradNorm, l, n)
					}
					if k+1 == 2 || k+1 == 10 {
						compareVars(t, d, vars, want, map[int]string{2: "step2.", 10: "step10."}[k+1])
					}
				}
			})
		}
	}
}

// compareVars holds variables against golden ones within the tolerances of
// testdata/golden/mhr/README.md: at most 1e-4 for 99.8 % of the elements.
func compareVars(t *testing.T, d device.Device, vars []*tensor.Var, want formattest.Vectors, prefix string) {
	t.Helper()
	far, all := 0, 0
	for _, v := range vars {
		got := make([]float32, tensor.Numel(v.Shape))
		if err := d.ReadVar(context.Background(), v, tensor.F32Bytes(got)); err != nil {
			t.Fatal(err)
		}
		w := want.F32(prefix + v.Name)
		if len(w) != len(got) {
			t.Fatalf("%s: %d values, want %d", v, len(got), len(w))
		}
		worst := 0.0
		for i := range w {
			e := math.Abs(float64(got[i]) - float64(w[i]))
			worst = max(worst, e)
			if all++; e > 1e-4 {
				far++
			}
		}
		if worst > 5e-3 {
			t.Errorf("%s%s: off by %g", prefix, v.Name, worst)
		}
	}
	if far*1000 > all*2 {
		t.Errorf("%s: %d of %d elements differ by more than 1e-4", prefix, far, all)
	}
}

// ragged are rows of very different lengths, several tasks a batch, so that
// there are several shapes.
func ragged() (rows []tune.Row, batches [][]int) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 40 {
		var row tune.Row
		n := 3 + r.IntN(5)
		if r.IntN(4) == 0 {
			n = 40 + r.IntN(20)
		}
		for i := range n {
			row.IDs = append(row.IDs, int32(r.IntN(96)))
			row.Labels = append(row.Labels, -100)
			if i > n/2 {
				row.Labels[i] = row.IDs[i]
			}
		}
		row.Task = r.IntN(4) - 1 // −1: uniform mixing
		rows = append(rows, row)
	}
	for k := range 8 {
		batches = append(batches, []int{k, 39 - k, 2*k + 1})
	}
	return append(rows, rows[0]), append(batches, []int{0, 0, 1})
}

// TestPretrainingGoesOnBitForBit stops after any number of steps, goes on in a
// new trainer on a new device, and ends with the same bits.
func TestPretrainingGoesOnBitForBit(t *testing.T) {
	ctx := context.Background()
	rows, batches := ragged()
	start := func() (*tune.Pretrainer, device.Device) {
		m, vars := trainedBase(t, nil)
		d := cpu.New(cpu.Fast)
		// Sampled routes hang on the seed and the step: they are gone on with too.
		inv := polyInventory(t, "s4").Routed(skill.Routing{Granularity: skill.Block})
		what := tune.Pretraining{Method: tune.MHR(inv).Sample(3), Base: vars, BaseLR: 1e-3,
			Optim: tune.Optim{LR: 1e-2, RouterLR: 0.1, Decay: 0.01, Clip: 1, Warmup: 2, Steps: len(batches), Linear: true}}
		tr, err := tune.NewPretrainer(ctx, d, m, what, rows, batches)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tr.Close() })
		return tr, d
	}
	snapshot := func(tr *tune.Pretrainer) []byte {
		var b bytes.Buffer
		if err := tr.Snapshot(ctx, &b, map[string]string{"settings": "{}"}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole, _ := start()
	if len(whole.Shapes()) < 2 {
		t.Fatalf("shapes %v: this wants several", whole.Shapes())
	}
	var snaps [][]byte
	for !whole.Done() {
		snaps = append(snaps, snapshot(whole))
		if _, err := whole.Step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want := snapshot(whole)
	for k := 0; k < len(snaps); k += 3 {
		again, _ := start()
		f, err := safetensors.Open(format.BytesBlob(snaps[k]))
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Restore(ctx, f); err != nil {
			t.Fatal(err)
		}
		if again.Steps() != k {
			t.Fatalf("at step %d, want %d", again.Steps(), k)
		}
		for !again.Done() {
			if _, err := again.Step(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(snapshot(again), want) {
			t.Errorf("going on after step %d ends elsewhere", k)
		}
	}
}

// With a budget that holds one program but not all, one shape serves all batches.
func TestOneShapeWhereMemoryIsShort(t *testing.T) {
	ctx := context.Background()
	rows, batches := ragged()
	start := func(budget int64) (*tune.Pretrainer, error) {
		d, _, err := device.Open(ctx, device.Options{Kind: "cpu", Memory: budget})
		if err != nil {
			t.Fatal(err)
		}
		return tune.NewPretrainer(ctx, d, goldenModel(t), tune.Pretraining{Method: tune.MHR(polyInventory(t, "s4")), Optim: tune.Optim{LR: 1e-3, Steps: len(batches)}}, rows, batches)
	}
	free, err := start(0)
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	arena := free.Stats().Arena
	short, err := start(arena + arena/8)
	if err != nil {
		t.Fatal(err)
	}
	defer short.Close()
	if len(free.Shapes()) < 2 || len(short.Shapes()) != 1 {
		t.Errorf("shapes %v, and %v where memory is short", free.Shapes(), short.Shapes())
	}
	if _, err := start(arena / 2); !fault.Is(err, fault.Memory) {
		t.Errorf("half the memory of a step gives %v", err)
	}
}

// With a budget below that, blocks are computed twice: the same losses.
func TestPretrainingAboveTheBudgetComputesTwice(t *testing.T) {
	ctx := context.Background()
	rows, batches := ragged()
	run := func(budget int64) (arena int64, losses []float64) {
		d, _, err := device.Open(ctx, device.Options{Kind: "cpu", Memory: budget})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := tune.NewPretrainer(ctx, d, goldenModel(t), tune.Pretraining{Method: tune.MHR(polyInventory(t, "s4")), Optim: tune.Optim{LR: 1e-3, Steps: len(batches)}}, rows, batches)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		return tr.Stats().Arena, allSteps(t, tr)
	}
	all, want := run(0)
	var least int64
	tune.Storing(graph.StoreBlocks, func() { least, _ = run(0) })
	if least >= all {
		t.Fatalf("%d bytes where blocks are computed twice, %d where not", least, all)
	}
	if arena, got := run(all - 1); arena >= all || !reflect.DeepEqual(got, want) {
		t.Errorf("%d bytes under a budget of %d, losses %v, want %v", arena, all-1, got, want)
	}
}

// A row with task −1 uses all skills alike: as under a router of zeros, which it
// must not train.
func TestUniformRowsTrainNoRouter(t *testing.T) {
	ctx := context.Background()
	all, per := goldenRows(t)
	rows := append([]tune.Row(nil), all[:per]...)
	loss := func(task int, zero bool) (float64, map[string][]float32) {
		for i := range rows {
			rows[i].Task = task
		}
		inv := polyInventory(t, "s4")
		if zero {
			inv = inv.Repeat(inv.ZeroLogits())
		}
		d, m := cpu.New(cpu.Fast), tune.MHR(inv)
		tr, err := tune.NewPretrainer(ctx, d, goldenModel(t), tune.Pretraining{Method: m, Optim: tune.Optim{LR: 1e-3, RouterLR: 0.1, Steps: 1}}, rows, [][]int{{0, 1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		s, err := tr.Step(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Collapse(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		return s.Loss, l.Inventory.Logits
	}
	got, logits := loss(tune.Uniform, false)
	want, _ := loss(1, true)
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("loss %v, want that of uniform mixing, %v", got, want)
	}
	if other, _ := loss(1, false); math.Abs(other-want) < 1e-6 {
		t.Error("a trained router's row gives the same loss: this tests nothing")
	}
	if !reflect.DeepEqual(logits, polyInventory(t, "s4").Logits) {
		t.Error("routers moved")
	}
}

func TestCheckpointsOfOthersAreRefused(t *testing.T) {
	ctx := context.Background()
	rows, per := goldenRows(t)
	start := func(split string) *tune.Pretrainer {
		tr, err := tune.NewPretrainer(ctx, cpu.New(cpu.Fast), goldenModel(t), tune.Pretraining{Method: tune.MHR(polyInventory(t, split)), Optim: tune.Optim{LR: 1e-3, Steps: 10}}, rows, fours(per))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tr.Close() })
		return tr
	}
	var b bytes.Buffer
	if err := start("s4").Snapshot(ctx, &b, nil); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(format.BytesBlob(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := start("s1").Restore(ctx, f); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Errorf("a checkpoint of other shapes gives %v", err)
	}
	f.Metadata["step"] = "11"
	if err := start("s4").Restore(ctx, f); err == nil {
		t.Error("a checkpoint of more steps must be refused")
	}
}

// TestPretrainerGolden is TestGoldenSteps' mhr_full through the other trainer.
func TestPretrainerGolden(t *testing.T) {
	ctx := context.Background()
	rows, per := goldenRows(t)
	b, err := os.ReadFile(filepath.Join(golden, "s4", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	var want meta
	if err := json.Unmarshal(raw["mhr_full"], &want); err != nil {
		t.Fatal(err)
	}
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			m := tune.MHR(polyInventory(t, "s4"))
			tr, err := tune.NewPretrainer(ctx, d, goldenModel(t), tune.Pretraining{Method: m, Optim: tune.Optim{LR: 1e-3, RouterLR: 0.1, Decay: 0.01, RouterDecay: 0.01, Steps: 10}}, rows, fours(per))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Free(d)
			defer tr.Close()
			for k := range 10 {
				s, err := tr.Step(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if !near(s.Loss, want.Losses[k], 2e-4, 0) || !near(s.GradNorm, want.GradNorms[k], 2e-4, 1e-3) {
					t.Errorf("step %d: loss %v, norm %v; want %v, %v", k+1, s.Loss, s.GradNorm, want.Losses[k], want.GradNorms[k])
				}
			}
		})
	}
}
