package share

import (
	"cmp"
	"math"
	"slices"

	"handful/core/fault"
)

// A mixture is written in whole Nths that sum to N in each head: a point of
// the simplex's lattice. Only w counts, not the logits behind it, so that
// this spends nothing on the logits' freedom, and the last skill of a head is
// known from the others. Rounding by the largest remainders keeps every weight
// within 1/N of its own (Hamilton's method).

// MostLevels is the finest N: a count is one byte.
const MostLevels = 255

// FewestLevels is the coarsest N that a link may have. Held-out predictions
// agree with the exact mixture's from there on (docs/formats.md).
const FewestLevels = 32

// Bound is by how much a weight in n-ths may be off.
func Bound(n int) float64 { return 1 / float64(n) }

// counts rounds w [heads, skills] to n-ths, without each head's last skill:
// [heads, skills−1].
func counts(w []float32, skills, n int) ([]byte, error) {
	out := make([]byte, 0, len(w)/skills*(skills-1))
	whole, rest, order := make([]int, skills), make([]float64, skills), make([]int, skills)
	for at := 0; at < len(w); at += skills {
		sum, left := 0.0, n
		for _, x := range w[at : at+skills] {
			sum += float64(x)
			if !(x >= 0) {
				return nil, fault.Inputf(op, "a weight of %g, want 0 or more", x)
			}
		}
		if math.Abs(sum-1) > 1e-4 {
			return nil, fault.Inputf(op, "a head's weights sum to %g, want 1", sum)
		}
		for s := range whole {
			x := float64(w[at+s]) / sum * float64(n)
			whole[s], order[s] = int(x), s
			rest[s] = x - float64(whole[s])
			left -= whole[s]
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
		for _, s := range order[:max(left, 0)] {
			whole[s]++
		}
		for _, k := range whole[:skills-1] {
			out = append(out, byte(k))
		}
	}
	return out, nil
}

// mixture undoes counts.
func mixture(k []byte, heads, skills, n int) ([]float32, error) {
	w := make([]float32, 0, heads*skills)
	for h := range heads {
		last := n
		for _, x := range k[h*(skills-1) : (h+1)*(skills-1)] {
			w = append(w, float32(x)/float32(n))
			last -= int(x)
		}
		if last < 0 {
			return nil, fault.Inputf(op, "a head's weights sum to more than 1").Next(again)
		}
		w = append(w, float32(last)/float32(n))
	}
	return w, nil
}
