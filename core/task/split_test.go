package task

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func classes(exs []Example) map[string]int {
	n := map[string]int{}
	for _, e := range exs {
		n[e.Output]++
	}
	return n
}

func inputs(exs []Example) map[string]bool {
	in := map[string]bool{}
	for _, e := range exs {
		in[e.Input] = true
	}
	return in
}

func lines(exs []Example) (out []int) {
	for _, e := range exs {
		out = append(out, e.Line)
	}
	return out
}

func TestSplitKeepsClassesInProportion(t *testing.T) {
	exs := sample(t, "sms_spam")
	all := classes(exs)
	for _, holdout := range []float64{0.1, 0.25, 0.5, 0.8} {
		train, held := Split(exs, holdout, 3)
		if len(train)+len(held) != len(exs) || math.Abs(float64(len(held))-holdout*120) > 2 {
			t.Fatalf("%g: %d and %d rows", holdout, len(train), len(held))
		}
		for label, n := range classes(held) {
			if want := holdout * float64(all[label]); math.Abs(float64(n)-want) > 2 {
				t.Errorf("%g: %d of %s held out, want about %.1f", holdout, n, label, want)
			}
		}
		for in := range inputs(held) {
			if inputs(train)[in] {
				t.Errorf("%q is on both sides", in)
			}
		}
		if !slices.IsSorted(lines(train)) || !slices.IsSorted(lines(held)) {
			t.Error("the rows' order has changed")
		}
	}
}

func TestSplitEdges(t *testing.T) {
	var ten []Example
	for i := range 10 {
		ten = append(ten, row(i+1, fmt.Sprint(i), fmt.Sprint("answer ", i)))
	}
	same := []Example{row(1, "a", "x"), row(2, "a", "x"), row(3, "a", "y")}
	for _, c := range []struct {
		name        string
		exs         []Example
		holdout     float64
		train, held int
	}{
		{"none", ten, 0, 10, 0},
		{"not a number", ten, math.NaN(), 10, 0},
		{"negative", ten, -1, 10, 0},
		{"at least one", ten, 0.001, 9, 1},
		{"not all", ten, 1, 1, 9},
		{"not all of two", ten[:2], 0.9, 1, 1},
		{"more than all", ten, 7, 1, 9},
		{"one row", ten[:1], 0.5, 1, 0},
		{"one input", same, 0.5, 3, 0},
		{"no rows", nil, 0.5, 0, 0},
		{"two inputs", append(slices.Clone(same), row(4, "b", "x")), 0.25, -1, -1},
	} {
		train, held := Split(c.exs, c.holdout, 1)
		if c.train < 0 {
			if len(train) == 0 || len(held) == 0 || len(train)+len(held) != len(c.exs) {
				t.Errorf("%s: %d and %d rows", c.name, len(train), len(held))
			}
		} else if len(train) != c.train || len(held) != c.held {
			t.Errorf("%s: %d and %d rows, want %d and %d", c.name, len(train), len(held), c.train, c.held)
		}
	}
}

func TestShots(t *testing.T) {
	exs := sample(t, "wn_verb_supersense")
	labels := len(classes(exs))
	for _, k := range []int{0, 1, labels, 16, 40} {
		shots, rest := Shots(exs, k, 5)
		if len(shots) != k || len(shots)+len(rest) != len(exs) {
			t.Fatalf("%d: %d shots, %d rest", k, len(shots), len(rest))
		}
		least, most := len(exs), 0
		for _, n := range classes(shots) {
			least, most = min(least, n), max(most, n)
		}
		if k > 0 && k <= 16 && (len(classes(shots)) != min(k, labels) || most-least > 1) {
			t.Errorf("%d: classes %v", k, classes(shots))
		}
	}
	// Names that are translated once each are no classes: the draw is over rows.
	if l := Labels(sample(t, "cldr_language_it")); l != nil {
		t.Errorf("%d labels for a dictionary", len(l))
	}
	twice := []Example{row(1, "a", "x"), row(2, "a", "x"), row(3, "b", "x"), row(4, "b", "y"), row(5, "c", "y"), row(6, "c", "y")}
	shots, rest := Shots(twice, 2, 1)
	for in := range inputs(shots) {
		if inputs(rest)[in] {
			t.Errorf("%q is in the shots and in the rest", in)
		}
	}
	if len(shots) != 2 || len(inputs(shots)) != 2 || len(rest) != 2 {
		t.Errorf("%d shots, %d rest", len(shots), len(rest))
	}
	if shots, rest := Shots(twice, 99, 1); len(shots) != 3 || len(rest) != 0 {
		t.Errorf("more than there are: %d shots, %d rest", len(shots), len(rest))
	}
}

// These draws must never change, on any platform: runs are repeated by seed.
func TestDrawsAreForever(t *testing.T) {
	exs := sample(t, "sms_spam")
	_, held := Split(exs, 0.05, 42)
	shots, _ := Shots(exs, 6, 42)
	got := fmt.Sprint(lines(held), lines(shots), Batches(5, 3, 4, "shuffle", 42))
	if got != drawn {
		t.Errorf("drawn %s, want %s", got, drawn)
	}
	if _, other := Split(exs, 0.05, 43); reflect.DeepEqual(other, held) {
		t.Error("another seed gives the same split")
	}
}

const drawn = "[5 56 59 75 100 111] [10 12 36 91 107 120] [[2 1 0] [4 3 0] [2 4 3] [1 3 4]]"

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		rows, batch, steps int
		want               string
	}{
		{5, 2, 4, "[[0 1] [2 3] [4 0] [1 2]]"},
		{3, 3, 2, "[[0 1 2] [0 1 2]]"},
		{2, 5, 2, "[[0 1 0 1 0] [1 0 1 0 1]]"},
		{1, 1, 3, "[[0] [0] [0]]"},
		{0, 2, 1, "[[]]"},
		{4, 2, 0, "[]"},
	} {
		if got := fmt.Sprint(Batches(c.rows, c.batch, c.steps, "file", 9)); got != c.want {
			t.Errorf("%d rows by %d: %s, want %s", c.rows, c.batch, got, c.want)
		}
	}
	// Each epoch has every row once, wherever batches are cut, and its own order.
	var all []int
	for _, b := range Batches(7, 3, 7, "shuffle", 3) {
		all = append(all, b...)
	}
	orders := map[string]bool{}
	for e := range 3 {
		epoch := all[7*e : 7*e+7]
		orders[fmt.Sprint(epoch)] = true
		if s := slices.Sorted(slices.Values(epoch)); fmt.Sprint(s) != "[0 1 2 3 4 5 6]" {
			t.Errorf("epoch %d has rows %v", e, s)
		}
	}
	if len(orders) != 3 {
		t.Errorf("orders %v", orders)
	}
	if b := Batches(3, 8, 1, "shuffle", 1)[0]; len(b) != 3 {
		t.Errorf("a batch of %d from 3 rows", len(b))
	}
	if a, b := Batches(50, 8, 3, "shuffle", 1), Batches(50, 8, 30, "shuffle", 1); !reflect.DeepEqual(a, b[:3]) {
		t.Error("more steps change the first ones")
	}
}

func TestHints(t *testing.T) {
	many := func(n int, label string) (out []Example) {
		for i := range n {
			out = append(out, row(i+1, label+fmt.Sprint(i), label))
		}
		return out
	}
	for _, c := range []struct {
		name string
		exs  []Example
		want []string
	}{
		{"good", append(many(4, "a"), many(4, "b")...), nil},
		{"twice", append(many(4, "a"), append(many(4, "b"), row(9, "a0", "a"))...), []string{"1 rows stand more than once (line 9)"}},
		{"against", append(many(4, "a"), append(many(4, "b"), row(9, "a0", "b"), row(10, "a1", "b"))...), []string{"2 rows have the input of another row and another output (lines 9, 10)"}},
		{"one label", many(3, "a"), []string{"all rows have the same output"}},
		{"uneven", append(many(8, "a"), many(2, "b")...), []string{"classes are uneven: 2 to 8 rows each"}},
		{"outside", append(many(2, "a"), append(many(2, "b"), Example{Input: "x", Output: "b", Options: []string{"a", "c"}, Line: 5})...), []string{"1 rows have an output that is none of their options (line 5)"}},
		{"free text", []Example{row(1, "a", "b"), row(2, "c", "d")}, nil},
		{"none", nil, nil},
		{"many", append(many(20, "a"), append(many(20, "b"), many(7, "a")...)...), []string{"7 rows stand more than once (lines 1, 2, 3, 4, 5, …)"}},
		{"ids", []Example{{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}, Line: 1}, {InputIDs: []int32{1, 3}, Labels: []int32{-100, 3}, Line: 2}}, []string{"1 rows have the input of another row and another output (line 2)"}},
		{"no label", []Example{{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}, Line: 1}, {InputIDs: []int32{3, 4}, Labels: []int32{3, -100}, Line: 2}}, []string{"1 rows have no label that counts"}},
	} {
		got := Hints(c.exs)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		for i, h := range got {
			if !strings.HasPrefix(h, c.want[i]) {
				t.Errorf("%s: %q, want %q", c.name, h, c.want[i])
			}
		}
	}
}
