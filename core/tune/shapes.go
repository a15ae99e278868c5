package tune

import "slices"

// all is the tokens that a shape computes.
func (s shape) all() int { return s.tokens + s.source }

// maxShapes bounds the programs of one run: each holds the values of a step.
const maxShapes = 4

// planShapes picks the shapes that hold all batches, and says which one each
// batch runs in. It takes the fewest shapes whose padding comes within 5 % of
// what most of them could do, so that batches of like size share one. The
// answer hangs on the sizes alone: a run that goes on pads as the first did.
func planShapes(sizes []shape, most int) (shapes []shape, of []int) {
	count := map[int]int{}
	for _, s := range sizes {
		count[s.all()]++
	}
	var limits []int
	for l := range count {
		limits = append(limits, l)
	}
	slices.Sort(limits)
	weights := make([]int, len(limits))
	for i, l := range limits {
		weights[i] = count[l]
	}
	best, least := cuts(limits, weights, most)
	for n := 1; n < most; n++ {
		if c, cost := cuts(limits, weights, n); cost*20 <= least*21 {
			best = c
			break
		}
	}
	shapes = make([]shape, len(best))
	for _, s := range sizes {
		i, _ := slices.BinarySearch(best, s.all())
		of = append(of, i)
		shapes[i] = shapes[i].cover(s)
	}
	return shapes, of
}

// cuts chooses at most n of the rising limits, the last among them, so that the
// tokens computed, Σ weight·(next chosen limit), are fewest. cost[i] is that sum
// for the limits up to i when i is chosen, from[i] the one chosen before it.
func cuts(limits, weights []int, n int) (chosen []int, least int) {
	last := len(limits) - 1
	cost := make([]int, len(limits))
	total := 0
	for i, l := range limits {
		total += weights[i]
		cost[i] = total * l
	}
	var steps [][]int
	for range n - 1 {
		next, from := slices.Clone(cost), make([]int, len(limits))
		for i := range limits {
			from[i] = i // no further cut before i
			sum := weights[i]
			for j := i - 1; j >= 0; j-- {
				if c := cost[j] + sum*limits[i]; c < next[i] {
					next[i], from[i] = c, j
				}
				sum += weights[j]
			}
		}
		cost, steps = next, append(steps, from)
	}
	chosen = []int{limits[last]}
	for i, k := last, len(steps)-1; k >= 0; k-- {
		if j := steps[k][i]; j != i {
			chosen, i = append(chosen, limits[j]), j
		}
	}
	slices.Reverse(chosen)
	return chosen, cost[last]
}
