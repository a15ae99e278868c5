package task

import (
	"math"
	"math/rand/v2"
	"sort"
)

// random is PCG, so that a seed gives the same rows on every platform. stream
// keeps independent uses of a seed apart.
func random(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// group puts equal rows together (a duplicate must not stand on both sides)
// and orders groups by class in turn, so that any prefix is balanced.
func group(exs []Example, r *rand.Rand) [][]Example {
	key := func(x Example) string { return x.Input + "\x00" + x.Output }
	at := map[string]int{}
	var groups [][]Example
	for _, x := range exs {
		k := key(x)
		if i, ok := at[k]; ok && x.InputIDs == nil {
			groups[i] = append(groups[i], x)
			continue
		}
		at[k] = len(groups)
		groups = append(groups, []Example{x})
	}
	r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	seen, turn := map[string]int{}, make([]int, len(groups))
	order := make([]int, len(groups))
	for i, g := range groups {
		order[i] = i
		turn[i] = seen[g[0].Output]
		seen[g[0].Output]++
	}
	if 2*len(seen) <= len(groups) { // classes: deal one of each in turn
		sort.SliceStable(order, func(a, b int) bool { return turn[order[a]] < turn[order[b]] })
	}
	out := make([][]Example, len(groups))
	for i, o := range order {
		out[i] = groups[o]
	}
	return out
}

// deal takes whole groups until n rows are taken.
func deal(groups [][]Example, n int) (taken, rest []Example) {
	for _, g := range groups {
		if len(taken) < n {
			taken = append(taken, g...)
		} else {
			rest = append(rest, g...)
		}
	}
	byLine := func(x []Example) {
		sort.SliceStable(x, func(i, j int) bool { return x[i].Line < x[j].Line })
	}
	byLine(taken)
	byLine(rest)
	return taken, rest
}

// Split keeps a fraction of the rows aside, balanced over classes where there
// are some; equal rows stay on one side. Both sides have at least one row when
// there are two different ones.
func Split(exs []Example, holdout float64, seed uint64) (train, held []Example) {
	groups := group(exs, random(seed, 1))
	n := int(math.Round(holdout * float64(len(exs))))
	if n < 1 && holdout > 0 {
		n = 1
	}
	if len(groups) < 2 {
		return exs, nil
	}
	held, train = deal(groups[:len(groups)-1], min(n, len(exs)-1))
	train = append(train, groups[len(groups)-1]...)
	sort.SliceStable(train, func(i, j int) bool { return train[i].Line < train[j].Line })
	return train, held
}

// Shots draws k rows, balanced over classes where there are some, and gives
// the others.
func Shots(exs []Example, k int, seed uint64) (shots, rest []Example) {
	return deal(group(exs, random(seed, 2)), k)
}

// Batches lists row indices for each step. "file" takes rows in order, batch k
// being rows kB to kB+B−1, and goes on from the first row after the last;
// "shuffle" cuts a seeded permutation per epoch, across epochs' borders.
func Batches(rows, batch, steps int, order string, seed uint64) [][]int {
	r := random(seed, 3)
	var queue []int
	out := make([][]int, steps)
	for s := range out {
		for len(out[s]) < min(batch, rows) || order == "file" && len(out[s]) < batch {
			if len(queue) == 0 {
				if queue = r.Perm(rows); order == "file" {
					sort.Ints(queue)
				}
			}
			out[s] = append(out[s], queue[0])
			queue = queue[1:]
		}
	}
	return out
}
