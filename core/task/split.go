package task

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// A group is the rows that have one input, by index: they must not stand on
// both sides of a split.
type group struct {
	rows  []int
	label string  // of its first row
	place float64 // in the order of drawing
}

// source is what a row gives to the model. Where the labels are not the ids
// themselves, as of an encoder-decoder, all ids are.
func (e *Example) source() string {
	if e.Tokenised() {
		n := e.prompt()
		if len(e.Labels) != len(e.InputIDs) || !slices.Equal(e.Labels[n:], e.InputIDs[n:]) {
			n = len(e.InputIDs)
		}
		return Numbers(e.InputIDs[:n])
	}
	return strings.Join([]string{e.Input, e.Instruction, strings.Join(e.Options, "\x01")}, "\x00")
}

// groups are in random order; without classes, all have the label "".
func groups(exs []Example, r random) []*group {
	classes := Labels(exs) != nil
	at := map[string]*group{}
	var all []*group
	for i := range exs {
		k := exs[i].source()
		g := at[k]
		if g == nil {
			g = &group{}
			if classes {
				g.label = exs[i].Answer()
			}
			at[k] = g
			all = append(all, g)
		}
		g.rows = append(g.rows, i)
	}
	shuffle(r, all)
	return all
}

// Split keeps a fraction of the rows aside, drawn by the seed: of every class,
// where there are classes, about the same fraction. Rows with the same input
// stay on one side. With two different inputs both sides get a row at least;
// with one nothing is held out, nor for a fraction of 0. Rows keep their order.
func Split(exs []Example, holdout float64, seed uint64) (train, held []Example) {
	all := groups(exs, newRandom(seed, forSplit))
	if !(holdout > 0) || len(all) < 2 {
		return exs, nil
	}
	size, seen := map[string]int{}, map[string]int{}
	for _, g := range all {
		size[g.label]++
	}
	for _, g := range all { // the k-th of n in a class stands at (k+½)/n: any beginning has a like share of each
		g.place = (float64(seen[g.label]) + 0.5) / float64(size[g.label])
		seen[g.label]++
	}
	want := max(1, int(math.Round(min(holdout, 1)*float64(len(exs)))))
	n, cut := 0, 0
	inOrder(all)
	for ; n < want && cut < len(all)-1; cut++ {
		n += len(all[cut].rows)
	}
	return pick(exs, all[cut:]), pick(exs, all[:cut])
}

// Shots draws k rows by the seed, of different inputs, and in turn from every
// class where there are classes; rest are the rows with other inputs. There are
// fewer than k where there are not so many inputs. Rows keep their order.
func Shots(exs []Example, k int, seed uint64) (shots, rest []Example) {
	all := groups(exs, newRandom(seed, forShots))
	turn := map[string]int{}
	for _, g := range all {
		g.place = float64(turn[g.label])
		turn[g.label]++
	}
	inOrder(all)
	k = min(max(k, 0), len(all))
	for _, g := range all[:k] {
		g.rows = g.rows[:1] // others of this input are in neither part
	}
	return pick(exs, all[:k]), pick(exs, all[k:])
}

func inOrder(all []*group) {
	slices.SortStableFunc(all, func(a, b *group) int { return cmp.Compare(a.place, b.place) })
}

// pick gives the rows of groups, as they came.
func pick(exs []Example, from []*group) (out []Example) {
	var rows []int
	for _, g := range from {
		rows = append(rows, g.rows...)
	}
	slices.Sort(rows)
	for _, i := range rows {
		out = append(out, exs[i])
	}
	return out
}
