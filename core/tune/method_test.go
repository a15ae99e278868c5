package tune_test

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/graph"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tune"
)

func logit(u float64) float32 { return float32(math.Log(u) - math.Log1p(-u)) }

func goldenSkills(t *testing.T) *skill.Inventory {
	t.Helper()
	inv, err := peft.ReadInventory(formattest.Folder(t, filepath.Join(golden, "s4", "adapter_init")))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// fit trains a method and gives its losses and what it learned.
func fit(t *testing.T, d device.Device, m *tune.Method, steps int) ([]float64, *tune.Learned) {
	t.Helper()
	ctx := context.Background()
	rows, per := goldenRows(t)
	var batches [][]int
	for k := range steps {
		batches = append(batches, []int{k % 2, k%2 + 1, per + k%2})
	}
	tr, err := tune.NewTrainer(ctx, d, goldenModel(t), m, rows, batches, tune.Optim{LR: 1e-2, RouterLR: 0.1, Decay: 0.01, Clip: 1, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	defer m.Free(d)
	var losses []float64
	for !tr.Done() {
		s, err := tr.Step(ctx)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, s.Loss)
	}
	l, err := m.Collapse(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return losses, l
}

// A shared router is one variable: its sites end with the same logits, and the
// step is the one that the sum of their gradients gives.
func TestSharedRouters(t *testing.T) {
	groups := map[skill.Granularity]int{skill.Fine: 14, skill.Layer: 4, skill.Block: 2, skill.Coder: 1, skill.Coarse: 1}
	for name, d := range devices(t) {
		for g, n := range groups {
			inv := goldenSkills(t).Routed(skill.Routing{Granularity: g})
			m := tune.Z(inv, inv.FreshLogits(3))
			if want := n * inv.Splits * inv.Skills; m.Trainable() != want {
				t.Fatalf("%s: %d parameters, want %d", g, m.Trainable(), want)
			}
			losses, l := fit(t, d, m, 3)
			if losses[2] >= losses[0] {
				t.Errorf("%s, %s: losses %v do not fall", name, g, losses)
			}
			keys, sites := inv.Groups()
			for _, k := range keys {
				for _, s := range sites[k] {
					if !reflect.DeepEqual(l.Inventory.Logits[s], l.Inventory.Logits[sites[k][0]]) {
						t.Errorf("%s, %s: %s has other logits than %s", name, g, s, sites[k][0])
					}
				}
			}
			if len(keys) != n {
				t.Errorf("%s: %d routers, want %d", g, len(keys), n)
			}
		}
	}
}

// The gradient of a shared router is the sum over its sites: without a clip,
// its norm is that of the summed gradients of a router each.
func TestSharedGradientIsTheSum(t *testing.T) {
	d := cpu.New(cpu.Fast)
	defer d.Close()
	norm := func(g skill.Granularity) float64 {
		inv := goldenSkills(t).Routed(skill.Routing{Granularity: g})
		rows, _ := goldenRows(t)
		m := tune.Z(inv, inv.ZeroLogits())
		tr, err := tune.NewTrainer(context.Background(), d, goldenModel(t), m, rows, [][]int{{0, 1}}, tune.Optim{RouterLR: 1e-3, Steps: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		defer m.Free(d)
		s, err := tr.Step(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if g != skill.Fine {
			return s.GradNorm
		}
		// Adam's first moment after one step is a tenth of the gradient.
		snap, err := tr.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		f := formattest.Bytes(t, snap)
		sum := make([]float64, inv.Splits*inv.Skills)
		for _, site := range inv.Sites {
			for i, v := range f.F32(site + ".poly_router.module_logits.m") {
				sum[i] += 10 * float64(v)
			}
		}
		n := 0.0
		for _, v := range sum {
			n += v * v
		}
		return math.Sqrt(n)
	}
	if want, got := norm(skill.Fine), norm(skill.Coarse); !near(got, want, 1e-7, 1e-4) {
		t.Errorf("norm %v of the shared router's gradient, want %v", got, want)
	}
}

// Sampled routes: the same seed gives the same run, bit for bit; another seed
// another; and what is learned routes by the plain sigmoid.
func TestSampledRoutes(t *testing.T) {
	for name, d := range devices(t) {
		run := func(seed uint64) ([]float64, *tune.Learned) {
			inv := goldenSkills(t)
			return fit(t, d, tune.Z(inv, inv.FreshLogits(1)).Sample(seed), 3)
		}
		l1, a := run(1)
		l2, b := run(1)
		l3, _ := run(2)
		if !reflect.DeepEqual(l1, l2) || !reflect.DeepEqual(a.Inventory.Logits, b.Inventory.Logits) {
			t.Errorf("%s: %v and %v with one seed", name, l1, l2)
		}
		if reflect.DeepEqual(l1, l3) {
			t.Errorf("%s: two seeds give the same losses", name)
		}
		w, err := a.Inventory.Row(0)
		if err != nil {
			t.Fatal(err)
		}
		site := a.Inventory.Sites[0]
		closeTo(t, name+": weight", w[site], skill.Weights(a.Inventory.Logits[site], a.Inventory.Splits, a.Inventory.Skills, graph.SelectSigmoid))
	}
}

// Every device draws the same samples: losses agree.
func TestSamplesAgree(t *testing.T) {
	var first []float64
	for name, d := range devices(t) {
		inv := goldenSkills(t)
		losses, _ := fit(t, d, tune.MHR(inv.Routed(skill.Routing{Selector: graph.SelectShared, Granularity: skill.Layer})).Sample(5), 3)
		if first == nil {
			first = losses
		}
		for k := range losses {
			if !near(losses[k], first[k], 1e-4, 1e-4) {
				t.Errorf("%s: losses %v, another device has %v", name, losses, first)
			}
		}
	}
}

// Each selector trains, and Collapse gives the LoRA that it routes to.
func TestSelectorsTrain(t *testing.T) {
	for name, d := range devices(t) {
		for _, sel := range []graph.Selector{graph.SelectL2, graph.SelectStraightThrough, graph.SelectCorrection, graph.SelectShared} {
			inv := goldenSkills(t).Routed(skill.Routing{Selector: sel})
			_, l := fit(t, d, tune.Z(inv, inv.FreshLogits(2)), 4)
			rows, _ := goldenRows(t)
			want := score(t, d, l.Inventory, nil, rows[:4])
			if got := score(t, d, nil, l.Single, rows[:4]); !near(got, want, 1e-5, 1e-5) {
				t.Errorf("%s, %s: the LoRA scores %v, the routed skills %v", name, sel, got, want)
			}
			p, err := l.Inventory.Portable()
			if refused := sel == graph.SelectL2 || sel == graph.SelectCorrection; (err != nil) != refused {
				t.Errorf("%s: %v", sel, err)
			} else if !refused {
				if got := score(t, d, p, nil, rows[:4]); !near(got, want, 1e-5, 1e-5) {
					t.Errorf("%s, %s: as PEFT reads it %v, want %v", name, sel, got, want)
				}
			}
		}
	}
}

// score is the loss of rows under an inventory's first row, or under a LoRA.
func score(t *testing.T, d device.Device, inv *skill.Inventory, s *skill.Single, rows []tune.Row) float64 {
	t.Helper()
	var ad route.Adapter
	if inv != nil {
		ad = route.NewPoly(inv)
	} else {
		ad = route.NewLoRA(s, 1)
	}
	defer func() {
		for _, p := range ad.Params() {
			d.Free(p.Var)
		}
	}()
	sc := tune.NewScorer(d, goldenModel(t), ad, 1, false)
	defer sc.Close()
	got, err := sc.Score(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for _, g := range got {
		sum, n = sum+g.Sum, n+g.Tokens
	}
	return sum / float64(n)
}
