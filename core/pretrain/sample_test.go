package pretrain

import (
	"reflect"
	"testing"

	"handful/core/skill"
)

// sampled are six tasks in three families: one has four of them.
func sampled(s Sampling) (taskOf, tokens []int, batches [][]int) {
	family := []string{"p", "p", "p", "p", "q", "r", "empty"}
	sizes := []int{40, 3, 10, 10, 80, 5}
	for t, n := range sizes {
		for i := range n {
			taskOf, tokens = append(taskOf, t), append(tokens, 5+(i*7)%31)
		}
	}
	return taskOf, tokens, Batches(taskOf, tokens, family, s)
}

func TestFamiliesAreDrawnAlike(t *testing.T) {
	s := Sampling{Groups: 3, Rows: 4, Steps: 200, Seed: 1}
	taskOf, tokens, batches := sampled(s)
	family := []int{0, 0, 0, 0, 1, 2}
	count, tasks, seen := make([]int, 3), make([]int, 6), make([]int, len(taskOf))
	spread, pieces := 0, 0
	for _, b := range batches {
		groups := map[int][]int{}
		for _, i := range b {
			groups[taskOf[i]] = append(groups[taskOf[i]], tokens[i])
			seen[i]++
		}
		for task, lengths := range groups {
			count[family[task]]++
			tasks[task]++
			if len(lengths) > s.Rows {
				t.Fatalf("%d rows of a task in a step, want at most %d", len(lengths), s.Rows)
			}
			least, most := lengths[0], lengths[0]
			for _, n := range lengths {
				least, most = min(least, n), max(most, n)
			}
			spread, pieces = spread+most-least, pieces+1
		}
		if len(groups) != 3 {
			t.Fatalf("%d task groups in a step, want 3", len(groups))
		}
	}
	if !reflect.DeepEqual(count, []int{200, 200, 200}) {
		t.Errorf("families drawn %v times, want 200 each", count)
	}
	for k := range 4 {
		if tasks[k] != 50 {
			t.Errorf("tasks of one family drawn %v times, want 50 each", tasks[:4])
			break
		}
	}
	// Each row of a task comes about as often as another.
	for i, n := range seen {
		of := tasks[taskOf[i]]
		rounds := map[int]int{0: 10, 1: 1, 2: 3, 3: 3, 4: 20, 5: 2}[taskOf[i]]
		if n < of/rounds || n > of/rounds+1 {
			t.Fatalf("row %d of task %d came %d times in %d pieces of %d a round", i, taskOf[i], n, of, rounds)
		}
	}
	if mean := float64(spread) / float64(pieces); mean > 10 {
		t.Errorf("lengths in a piece differ by %.1f of up to 30: want like ones", mean)
	}
}

func TestBatchesHangOnTheSeedAlone(t *testing.T) {
	s := Sampling{Groups: 2, Rows: 3, Steps: 40, Seed: 9}
	_, _, a := sampled(s)
	_, _, b := sampled(s)
	s.Steps = 20
	_, _, short := sampled(s)
	s.Seed = 10
	_, _, other := sampled(s)
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(a[:20], short) || reflect.DeepEqual(short, other) {
		t.Error("equal seeds must give equal batches, others others")
	}
}

func TestNewInventory(t *testing.T) {
	c := skill.Config{Splits: 2, Skills: 4, Rank: 3, Tasks: 3}
	dims := map[string][2]int{"a": {8, 6}, "b": {6, 8}}
	build := func(init RowInit, splits int) (*skill.Inventory, error) {
		c.Splits = splits
		return NewInventory(c, []string{"a", "b"}, dims, []string{"x", "y", "x"}, init, 3)
	}
	inv, err := build(RowInit{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	most := func(v []float32) (m float64) {
		for _, x := range v {
			m = max(m, float64(max(x, -x)))
		}
		return m
	}
	// 1/√(3·8) = 0.204, 1/√(3·6) = 0.236
	if a, b := most(inv.A["a"]), most(inv.A["b"]); len(inv.A["a"]) != 4*8*3 || a > 0.2042 || a < 0.18 || b > 0.2358 || b < 0.2 {
		t.Errorf("A within %g and %g", a, b)
	}
	if most(inv.B["a"]) != 0 || len(inv.B["a"]) != 4*3*6 || most(inv.Logits["b"]) > 1e-3 || len(inv.Logits["b"]) != 3*8 {
		t.Error("B is 0 and Z within 1e-3")
	}
	inv, err = build(RowInit{On: 1, Scale: 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range inv.Sites {
		z := inv.Logits[s]
		for at := 0; at < len(z); at += 4 {
			on := 0
			for i, x := range z[at : at+4] {
				if x > 0 {
					on++
				}
				if x < -2.001 || x > 2.001 || x > -1.999 && x < 1.999 {
					t.Errorf("logit %d is %g, want about 2 or -2", at+i, x)
				}
				if row := at / 8; row == 2 && (x > 0) != (z[at-16+i] > 0) {
					t.Error("tasks of a category begin with the same skills")
				}
			}
			if on != 1 {
				t.Errorf("%d skills of a head begin on, want 1", on)
			}
		}
	}
	if _, err := build(RowInit{On: 5, Scale: 2}, 2); err == nil {
		t.Error("5 of 4 skills")
	}
	if _, err := build(RowInit{}, 4); err == nil {
		t.Error("4 splits of 6 columns")
	}
	for s, want := range map[string]RowInit{"": {}, "fresh": {}, "sparse:2:1.5": {2, 1.5}} {
		if got, err := ParseRowInit(s); err != nil || got != want {
			t.Errorf("%q gives %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"sparse", "sparse:0:1", "sparse:2:-1", "sparse:2:NaN", "sparse:2:Inf", "dense:2:1", "sparse:2:1:1"} {
		if got, err := ParseRowInit(s); err == nil {
			t.Errorf("%q gives %v", s, got)
		}
	}
}
