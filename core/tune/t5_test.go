package tune_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tune"
)

// t5s are the golden encoder-decoders.
var t5s = map[string]string{"v1.0": t5Relu, "v1.1": t5Gated}

func inventoryIn(t *testing.T, dir, split string) *skill.Inventory {
	t.Helper()
	inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(dir, split, "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// TestT5NI holds the Natural Instructions loss against PyTorch's.
func TestT5NI(t *testing.T) {
	const site = "decoder.block.1.layer.1.EncDecAttention.k"
	for name, d := range devices(t) {
		for version, dir := range t5s {
			t.Run(name+"/"+version, func(t *testing.T) {
				rows, per := rowsIn(t, dir)
				want := float64(formattest.Safetensors(t, filepath.Join(dir, "base_forward.safetensors")).F32("label_smoothed_loss_ni")[0])
				m := tune.LoRA(skill.NewSingle([]string{site}, map[string][2]int{site: {32, 32}}, 2, 1), 1)
				defer m.Free(d)
				got, err := tune.FirstLoss(context.Background(), d, modelIn(t, dir), m, rows, ascending(per), tune.LossNI)
				if err != nil {
					t.Fatal(err)
				}
				if !near(float64(got.Loss), want, 2e-5, 1e-4) {
					t.Errorf("loss %v, want %v", got.Loss, want)
				}
			})
		}
	}
}

// choices are batch 0's rows with each answer that they could have, and which is
// right.
func choices(t *testing.T, dir string, f formattest.Vectors) (groups [][]tune.Row, gold []int64) {
	rows, per := rowsIn(t, dir)
	ids, shape := f.Ints("tfew.answer_choices_ids"), f.Shape("tfew.answer_choices_ids") // [rows, answers, tokens], 0 is padding
	for r := range per {
		var group []tune.Row
		for c := range shape[1] {
			row := tune.Row{Source: rows[r].Source, Task: rows[r].Task, IDs: []int32{0}, Labels: []int32{-100}}
			for _, id := range ids[(r*shape[1]+c)*shape[2]:][:shape[2]] {
				if id > 0 {
					row.IDs, row.Labels = append(row.IDs, int32(id)), append(row.Labels, int32(id))
				}
			}
			group = append(group, row)
		}
		groups = append(groups, group)
	}
	return groups, f.Ints("tfew.labels")
}

// TestT5Choices holds T-Few's loss, its parts and the routers' gradients, and
// the scores of answers, against PyTorch's: the answers to a row look at one
// source. Small limits cut the labels into pieces.
func TestT5Choices(t *testing.T) {
	ctx := context.Background()
	ds := devices(t)
	small, _, err := device.Open(ctx, device.Options{Kind: "cpu", MaxBinding: 7 * 4 * 96})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	ds["cpu in pieces"] = small
	for name, d := range ds {
		for version, dir := range t5s {
			t.Run(name+"/"+version, func(t *testing.T) {
				f := formattest.Safetensors(t, filepath.Join(dir, "s4", "tfew_align.safetensors"))
				groups, gold := choices(t, dir, f)
				inv := inventoryIn(t, dir, "s4")

				ad := route.NewPoly(inv)
				sc := tune.NewScorer(d, modelIn(t, dir), ad, inv.Tasks, false)
				got, err := sc.ScoreGroups(ctx, groups)
				if err != nil {
					t.Fatal(err)
				}
				sc.Close()
				for _, p := range ad.Params() {
					d.Free(p.Var)
				}
				for r, g := range groups {
					best := 0
					for c := range g {
						s := got[r*len(g)+c]
						if sum, score := f.F32("tfew.nll_sum")[r*len(g)+c], f.F32("tfew.choices_scores")[r*len(g)+c]; !near(s.Sum, float64(sum), 2e-5, 1e-4) || !near(s.Sum/float64(s.Tokens), float64(score), 2e-5, 1e-4) {
							t.Errorf("row %d, answer %d: %v over %d tokens, want %v and %v a token", r, c, s.Sum, s.Tokens, sum, score)
						}
						if b := got[r*len(g)+best]; s.Sum/float64(s.Tokens) < b.Sum/float64(b.Tokens) {
							best = c
						}
					}
					if want := f.Ints("tfew.prediction")[r]; int64(best) != want {
						t.Errorf("row %d: answer %d is best, want %d", r, best, want)
					}
				}

				var rows []tune.Row
				for r, g := range groups {
					right := g[gold[r]]
					right.Others = append(append(right.Others, g[:gold[r]]...), g[gold[r]+1:]...)
					rows = append(rows, right)
				}
				m := tune.MHR(inv)
				defer m.Free(d)
				loss, err := tune.FirstLoss(ctx, d, modelIn(t, dir), m, rows, ascending(len(rows)), tune.LossTFew)
				if err != nil {
					t.Fatal(err)
				}
				for part, v := range map[string]float32{"loss": loss.Loss, "lm_loss": loss.LM, "mc_loss": loss.MC, "unlikely_loss": loss.UL} {
					if want := f.F32("tfew." + part)[0]; !near(float64(v), float64(want), 2e-5, 1e-4) {
						t.Errorf("%s is %v, want %v", part, v, want)
					}
				}
				compared := 0
				for v, g := range loss.Grads {
					if !strings.Contains(v, "module_logits") {
						continue
					}
					compared++
					for i, want := range f.F32("tfew.grad.base_model.model." + v) {
						if !near(float64(g[i]), float64(want), 2e-5, 1e-4) {
							t.Fatalf("gradient of %s[%d] is %v, want %v", v, i, g[i], want)
						}
					}
				}
				if compared != len(inv.Sites) {
					t.Errorf("%d routers compared, want %d", compared, len(inv.Sites))
				}
			})
		}
	}
}

// TestT5Alignment compares cosines and norms of gradients with PyTorch's.
func TestT5Alignment(t *testing.T) {
	for name, d := range devices(t) {
		for version, dir := range t5s {
			t.Run(name+"/"+version, func(t *testing.T) {
				f := formattest.Safetensors(t, filepath.Join(dir, "s4", "tfew_align.safetensors"))
				rows, per := rowsIn(t, dir)
				var sets [][]tune.Row
				for task := range 3 {
					set := append([]tune.Row(nil), rows[task*per:(task+1)*per]...)
					for i := range set {
						set[i].Task = task
					}
					sets = append(sets, set)
				}
				inv := inventoryIn(t, dir, "s4")
				ad := route.NewPoly(inv)
				defer func() {
					for _, p := range ad.Params() {
						d.Free(p.Var)
					}
				}()
				got, err := tune.Align(context.Background(), d, modelIn(t, dir), ad, inv.Tasks, sets, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range f.F32("grad_alignment.grad_norm") {
					if !near(got.Norm[i], float64(want), 2e-5, 1e-4) {
						t.Errorf("norm %d is %v, want %v", i, got.Norm[i], want)
					}
					for j := range 3 {
						if want := float64(f.F32("grad_alignment.cosine")[i*3+j]); !near(got.Cosine[i][j], want, 5e-5, 1e-4) {
							t.Errorf("cosine %d, %d is %v, want %v", i, j, got.Cosine[i][j], want)
						}
					}
				}
			})
		}
	}
}

// TestT5Batching: rows score alike alone, together, and in any company; a batch
// that mixes tasks gives what each task gives alone.
func TestT5Batching(t *testing.T) {
	ctx := context.Background()
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			rows, _ := rowsIn(t, t5Gated)
			inv := inventoryIn(t, t5Gated, "s4")
			ad := route.NewPoly(inv)
			defer func() {
				for _, p := range ad.Params() {
					d.Free(p.Var)
				}
			}()
			sc := tune.NewScorer(d, modelIn(t, t5Gated), ad, inv.Tasks, false)
			defer sc.Close()
			rows = rows[:12]
			for i := range rows {
				rows[i].Task = i % inv.Tasks
			}
			all, err := sc.Score(ctx, rows)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rows {
				one, err := sc.Score(ctx, []tune.Row{r})
				if err != nil {
					t.Fatal(err)
				}
				if !near(all[i].Sum, one[0].Sum, 1e-4, 1e-5) || all[i].Tokens != one[0].Tokens {
					t.Errorf("row %d: %+v together, %+v alone", i, all[i], one[0])
				}
			}
		})
	}
}
