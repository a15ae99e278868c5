package tune_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"handful/core/device/cpu"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/graph"
	"handful/core/route"
	"handful/core/tune"
)

// alignSets are batches 0, 1, 2 as the rows of tasks 0, 1, 2, each repeated.
func alignSets(t *testing.T, times int) (sets [][]tune.Row) {
	rows, per := goldenRows(t)
	for task := range 3 {
		var set []tune.Row
		for range times {
			for _, r := range rows[task*per : (task+1)*per] {
				r.Task = task
				set = append(set, r)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// Gradients for which blocks are computed twice are the same gradients.
func TestAlignmentComputedTwice(t *testing.T) {
	var all []*tune.Alignment
	for _, s := range []graph.Store{graph.StoreProducts, graph.StoreBlocks} {
		tune.Storing(s, func() {
			inv := goldenInventory(t, "s4")
			got, err := tune.Align(context.Background(), cpu.New(cpu.Fast), goldenModel(t), route.NewPoly(inv), inv.Tasks, alignSets(t, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got)
		})
	}
	if !reflect.DeepEqual(all[0], all[1]) {
		t.Errorf("got %+v, want %+v", all[1], all[0])
	}
}

// TestGoldenAlignment compares cosines and norms with PyTorch's; rows that come
// ten times, and so in several batches, have the same mean.
func TestGoldenAlignment(t *testing.T) {
	f := formattest.Safetensors(t, filepath.Join(golden, "s4", "tfew_align.safetensors"))
	cosine, norm := f.F32("grad_alignment.cosine"), f.F32("grad_alignment.grad_norm")
	mean := float64(cosine[1]+cosine[2]+cosine[5]) / 3
	for name, d := range devices(t) {
		for _, times := range []int{1, 10} {
			t.Run(name, func(t *testing.T) {
				inv := goldenInventory(t, "s4")
				ad := route.NewPoly(inv)
				defer func() {
					for _, p := range ad.Params() {
						d.Free(p.Var)
					}
				}()
				calls := 0
				got, err := tune.Align(context.Background(), d, goldenModel(t), ad, inv.Tasks, alignSets(t, times), func(done int) { calls++ })
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range norm {
					if !near(got.Norm[i], float64(want), 2e-5, 1e-4) {
						t.Errorf("norm %d is %v, want %v", i, got.Norm[i], want)
					}
					for j := range norm {
						if want := float64(cosine[i*3+j]); !near(got.Cosine[i][j], want, 5e-5, 1e-4) {
							t.Errorf("cosine %d, %d is %v, want %v", i, j, got.Cosine[i][j], want)
						}
					}
				}
				size := 0
				for _, s := range inv.Sites {
					size += len(inv.A[s]) + len(inv.B[s])
				}
				if !near(got.Mean, mean, 5e-5, 1e-4) || got.Parameters != size || calls != 3 {
					t.Errorf("mean %v, %d parameters, %d calls; want %v, %d, 3", got.Mean, got.Parameters, calls, mean, size)
				}
			})
		}
	}
}

// TestAlignmentOfLoRA: the norm of batch 0's gradient is that of the first
// golden training step.
func TestAlignmentOfLoRA(t *testing.T) {
	single, err := peft.ReadLoRA(formattest.Folder(t, filepath.Join(golden, "s4", "mhr_mu", "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(golden, "s4", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	var want meta
	if err := json.Unmarshal(all["mhr_mu"], &want); err != nil {
		t.Fatal(err)
	}
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			ad := route.NewLoRA(single, 1)
			defer func() {
				for _, p := range ad.Params() {
					d.Free(p.Var)
				}
			}()
			got, err := tune.Align(context.Background(), d, goldenModel(t), ad, 1, alignSets(t, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !near(got.Norm[0], want.GradNorms[0], 2e-5, 1e-3) || !near(got.Loss[0], want.Losses[0], 2e-4, 0) || math.Abs(got.Cosine[1][1]-1) > 1e-6 {
				t.Errorf("norm %v, loss %v, own cosine %v; want %v, %v, 1", got.Norm[0], got.Loss[0], got.Cosine[1][1], want.GradNorms[0], want.Losses[0])
			}
		})
	}
}
