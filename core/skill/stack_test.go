package skill_test

import (
	"math"
	"testing"

	"handful/core/skill"
)

// lora is a LoRA on two sites with random values.
func lora(rank int, seed uint64) *skill.Single {
	dims := map[string][2]int{"m.layers.2.q_proj": {8, 12}, "m.layers.10.v_proj": {4, 8}}
	s := skill.NewSingle([]string{"m.layers.2.q_proj", "m.layers.10.v_proj"}, dims, rank, seed)
	r := skill.Rand(seed + 1)
	for _, b := range s.B {
		for i := range b {
			b[i] = float32(r.NormFloat64())
		}
	}
	return s
}

// A one-hot routing gives each LoRA again: its values where its rank is the
// largest, its product in any case.
func TestStackedSkillsAreTheLoRAs(t *testing.T) {
	singles := []*skill.Single{lora(2, 1), lora(3, 2), lora(1, 3), lora(3, 4)}
	for _, splits := range []int{1, 2, 4} {
		inv, err := skill.Stack(singles, splits)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range singles {
			w := map[string][]float32{}
			for _, s := range inv.Sites {
				w[s] = make([]float32, splits*len(singles))
				for q := range splits {
					w[s][q*len(singles)+i] = 1
				}
			}
			got := inv.Collapse(w)
			if got.Rank != 3 {
				t.Fatalf("rank %d, want 3", got.Rank)
			}
			for _, s := range inv.Sites {
				d := want.Dims[s]
				for x := range d[0] {
					for y := range d[1] {
						g, e := product(got, s, x, y), product(want, s, x, y)
						if want.Rank == 3 && g != e || math.Abs(g-e) > 1e-6 {
							t.Fatalf("%d splits, LoRA %d, %s: %v at %d, %d, want %v", splits, i, s, g, x, y, e)
						}
					}
				}
			}
		}
	}
}

// product is an element of A·B/r.
func product(s *skill.Single, site string, x, y int) float64 {
	d, t := s.Dims[site], 0.0
	for k := range s.Rank {
		t += float64(s.A[site][x*s.Rank+k]) * float64(s.B[site][k*d[1]+y])
	}
	return t / float64(s.Rank)
}

// Sites that a LoRA lacks are zeros, and a task row takes its LoRA alone.
func TestFault31StackOfDifferentSites(t *testing.T) {
	all, few := lora(2, 1), lora(2, 2)
	few.Sites = few.Sites[1:]
	delete(few.A, "m.layers.2.q_proj")
	all.Targets, few.Targets = []string{"q_proj", "v_proj"}, []string{"v_proj"}
	inv, err := skill.Stack([]*skill.Single{few, all}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Sites) != 2 || inv.Sites[0] != "m.layers.2.q_proj" || len(inv.Targets) != 2 || inv.Targets[1] != "m.layers.10.v_proj" {
		t.Errorf("sites %v, targets %v", inv.Sites, inv.Targets)
	}
	inv.Manifest = &skill.Manifest{Tasks: []string{"few", "all"}}
	for i, want := range []*skill.Single{few, all} {
		z, err := inv.Task(inv.Manifest.Tasks[i])
		if err != nil {
			t.Fatal(err)
		}
		one := inv.WithLogits(z)
		w, err := one.Row(0)
		if err != nil {
			t.Fatal(err)
		}
		got := one.Collapse(w)
		for _, s := range inv.Sites {
			d := inv.Dims[s]
			for x := range d[0] {
				for y := range d[1] {
					e := 0.0
					if want.A[s] != nil {
						e = product(want, s, x, y)
					}
					if g := product(got, s, x, y); math.Abs(g-e) > 1e-6 {
						t.Fatalf("LoRA %d, %s: %v at %d, %d, want %v", i, s, g, x, y, e)
					}
				}
			}
		}
	}
}

func TestFault31StackRefuses(t *testing.T) {
	wider := lora(2, 2)
	wider.Dims = map[string][2]int{"m.layers.2.q_proj": {8, 16}, "m.layers.10.v_proj": {4, 8}}
	for name, c := range map[string]struct {
		singles []*skill.Single
		splits  int
	}{"nothing": {nil, 1}, "other sizes": {[]*skill.Single{lora(2, 1), wider}, 1},
		"splits": {[]*skill.Single{lora(2, 1)}, 3}, "no splits": {[]*skill.Single{lora(2, 1)}, 0}} {
		if _, err := skill.Stack(c.singles, c.splits); err == nil {
			t.Errorf("%s: no fault", name)
		} else {
			t.Log(err)
		}
	}
}
