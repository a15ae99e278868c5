package task

import (
	"math/bits"
	"math/rand/v2"
)

// random draws from a PCG: a seed gives the same rows on every platform. The
// second word of its state tells uses of one seed apart.
type random struct{ pcg *rand.PCG }

// Uses of a seed. An epoch's order adds its number to the last.
const (
	forSplit uint64 = iota + 1
	forShots
	forEpoch
)

func newRandom(seed, use uint64) random { return random{rand.NewPCG(seed, use)} }

// below draws from 0 to n-1: the high word of a 64 × 64 bit product.
func (r random) below(n int) int {
	hi, _ := bits.Mul64(r.pcg.Uint64(), uint64(n))
	return int(hi)
}

// shuffle is Fisher and Yates', from the end.
func shuffle[T any](r random, x []T) {
	for i := len(x) - 1; i > 0; i-- {
		j := r.below(i + 1)
		x[i], x[j] = x[j], x[i]
	}
}
