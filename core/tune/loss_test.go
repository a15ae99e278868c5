package tune_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/skill"
	"handful/core/tune"
)

func goldenInventory(t *testing.T, split string) *skill.Inventory {
	t.Helper()
	inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(golden, split, "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// TestGoldenNI holds the Natural Instructions loss against PyTorch's on the
// bare base: a LoRA whose B is zero changes nothing.
func TestGoldenNI(t *testing.T) {
	rows, per := goldenRows(t)
	want := float64(formattest.Safetensors(t, filepath.Join(golden, "base_forward.safetensors")).F32("label_smoothed_loss_ni")[0])
	dims := map[string][2]int{"model.layers.1.self_attn.q_proj": {32, 32}}
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			m := tune.LoRA(skill.NewSingle([]string{"model.layers.1.self_attn.q_proj"}, dims, 2, 1), 1)
			defer m.Free(d)
			got, err := tune.FirstLoss(context.Background(), d, goldenModel(t), m, rows, ascending(per), tune.LossNI)
			if err != nil {
				t.Fatal(err)
			}
			if !near(float64(got.Loss), want, 2e-5, 1e-4) {
				t.Errorf("loss %v, want %v", got.Loss, want)
			}
		})
	}
}

// allSteps trains to the end, and gives the losses.
func allSteps(t *testing.T, tr interface {
	Done() bool
	Step(context.Context) (tune.Step, error)
}) (losses []float64) {
	t.Helper()
	for !tr.Done() {
		s, err := tr.Step(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, s.Loss)
	}
	return losses
}

func ascending(n int) (ix []int) {
	for i := range n {
		ix = append(ix, i)
	}
	return ix
}

// tfewRows are the rows of testdata/make_tfew.py, each answer behind its prompt.
func tfewRows(f formattest.Vectors) (rows []tune.Row) {
	prompts, answers, gold, task := f.Ints("prompt"), f.Ints("answers"), f.Ints("gold"), f.Ints("task")
	width, shape := f.Shape("prompt")[1], f.Shape("answers") // [rows, answers, tokens]
	for r := range gold {
		var all []tune.Row
		for c := range shape[1] {
			row := tune.Row{Task: int(task[r])}
			for _, id := range prompts[r*width : (r+1)*width] {
				if id >= 0 {
					row.IDs, row.Labels = append(row.IDs, int32(id)), append(row.Labels, -100)
				}
			}
			for _, id := range answers[(r*shape[1]+c)*shape[2]:][:shape[2]] {
				if id >= 0 {
					row.IDs, row.Labels = append(row.IDs, int32(id)), append(row.Labels, int32(id))
				}
			}
			all = append(all, row)
		}
		right := all[gold[r]]
		right.Others = append(append(right.Others, all[:gold[r]]...), all[gold[r]+1:]...)
		rows = append(rows, right)
	}
	return rows
}

// TestGoldenTFew holds T-Few's loss, its parts and its gradients against
// PyTorch's, with all answers of a row behind one prompt; also where the labels
// are cut into many pieces.
func TestGoldenTFew(t *testing.T) {
	f := formattest.Safetensors(t, "testdata/tfew.safetensors")
	rows := tfewRows(f)
	ds := devices(t)
	small, _, err := device.Open(context.Background(), device.Options{Kind: "cpu", MaxBinding: 7 * 4 * 96})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	ds["cpu in pieces"] = small
	for name, d := range ds {
		t.Run(name, func(t *testing.T) {
			m := tune.MHR(goldenInventory(t, "s4"))
			defer m.Free(d)
			got, err := tune.FirstLoss(context.Background(), d, goldenModel(t), m, rows, ascending(len(rows)), tune.LossTFew)
			if err != nil {
				t.Fatal(err)
			}
			for part, v := range map[string]float32{"loss": got.Loss, "lm_loss": got.LM, "mc_loss": got.MC, "unlikely_loss": got.UL} {
				if want := f.F32(part)[0]; !near(float64(v), float64(want), 2e-5, 1e-4) {
					t.Errorf("%s is %v, want %v", part, v, want)
				}
			}
			sum, compared := 0.0, 0
			for v, g := range got.Grads {
				for _, x := range g {
					sum += float64(x) * float64(x)
				}
				if !strings.Contains(v, "module_logits") && !strings.Contains(v, "layers.0.self_attn.k_proj") && !strings.Contains(v, "layers.1.mlp.down_proj") {
					continue
				}
				for i, want := range f.F32("grad." + v) {
					if !near(float64(g[i]), float64(want), 2e-5, 1e-4) {
						t.Fatalf("gradient of %s[%d] is %v, want %v", v, i, g[i], want)
					}
				}
				compared++
			}
			if want := float64(f.F32("grad_norm")[0]); !near(math.Sqrt(sum), want, 2e-5, 1e-4) || compared != 14+4 {
				t.Errorf("gradient norm %v, want %v; %d tensors compared", math.Sqrt(sum), want, compared)
			}
		})
	}
}

// TestTFewRowsOfManyKinds mixes rows with two and three answers, of one token
// and more, and batches of different sizes: the program is made for the largest.
func TestTFewRowsOfManyKinds(t *testing.T) {
	rows := tfewRows(formattest.Safetensors(t, "testdata/tfew.safetensors"))
	rows[1].Others = rows[1].Others[:1]
	ctx := context.Background()
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			train := func(batches [][]int) []float64 {
				m := tune.Z(goldenInventory(t, "s4"), goldenInventory(t, "s4").ZeroLogits())
				defer m.Free(d)
				tr, err := tune.NewTrainer(ctx, d, goldenModel(t), m, rows, batches, tune.Optim{Loss: tune.LossTFew, Steps: len(batches)})
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				return allSteps(t, tr)
			}
			all := train([][]int{{0, 1, 2, 3}, {1}, {2, 1}})
			for i, alone := range [][]int{{0, 1, 2, 3}, {1}, {2, 1}} {
				if got := train([][]int{alone})[0]; !near(all[i], got, 1e-5, 1e-5) {
					t.Errorf("batch %v: loss %v in a large program, %v in its own", alone, all[i], got)
				}
			}
		})
	}
	rows[2].Others = nil
	if _, err := tune.NewTrainer(ctx, device.Device(nil), goldenModel(t), tune.Mu(goldenInventory(t, "s4")), rows, [][]int{{0, 2}}, tune.Optim{Loss: tune.LossTFew, Steps: 1}); err == nil || !strings.Contains(err.Error(), "row 3 has no wrong answer") {
		t.Errorf("a row without other answers gives %v", err)
	}
}
