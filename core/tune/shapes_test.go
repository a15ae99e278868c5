package tune

import (
	"math/rand/v2"
	"testing"

	"handful/core/model"
)

func TestShapesHoldTheirBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var sizes []shape
		for range 1 + r.IntN(60) {
			n := 1 + r.IntN(40)
			if r.IntN(5) == 0 {
				n *= 20
			}
			s := shape{tokens: n, labels: 1 + r.IntN(n), slots: 1 + r.IntN(8)}
			if round%2 == 1 {
				s.source = 1 + r.IntN(60)
			}
			sizes = append(sizes, s)
		}
		shapes, of := planShapes(sizes, maxShapes)
		if len(shapes) > maxShapes || len(of) != len(sizes) {
			t.Fatalf("%d shapes, %d answers for %d batches", len(shapes), len(of), len(sizes))
		}
		for i, s := range sizes {
			if p := shapes[of[i]]; p.tokens < s.tokens || p.labels < s.labels || p.slots < s.slots || p.source < s.source {
				t.Fatalf("batch %+v runs in %+v", s, p)
			}
		}
	}
}

// cuts is held against trying every choice of limits.
func TestCutsAreTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + r.IntN(8)
		limits, weights := make([]int, n), make([]int, n)
		at := 0
		for i := range limits {
			at += 1 + r.IntN(50)
			limits[i], weights[i] = at, 1+r.IntN(20)
		}
		for most := 1; most <= 4; most++ {
			best := -1
			for set := 0; set < 1<<n; set++ {
				if set>>(n-1) == 0 || ones(set) > most {
					continue
				}
				if c := padded(limits, weights, set); best < 0 || c < best {
					best = c
				}
			}
			chosen, least := cuts(limits, weights, most)
			set := 0
			for _, l := range chosen {
				for i := range limits {
					if limits[i] == l {
						set |= 1 << i
					}
				}
			}
			if least != best || padded(limits, weights, set) != best || ones(set) > most {
				t.Fatalf("limits %v weights %v: %d cuts %v cost %d, want %d", limits, weights, most, chosen, least, best)
			}
		}
	}
}

func ones(set int) (n int) {
	for ; set > 0; set &= set - 1 {
		n++
	}
	return n
}

// padded is the tokens computed when the limits of a set are chosen.
func padded(limits, weights []int, set int) (sum int) {
	for i := range limits {
		j := i
		for set>>j&1 == 0 {
			j++
		}
		sum += weights[i] * limits[j]
	}
	return sum
}

func TestLikeSizesShareAShape(t *testing.T) {
	var sizes []shape
	for n := 95; n <= 100; n++ {
		sizes = append(sizes, shape{tokens: model.Bucket(n), labels: 4, slots: 2})
	}
	if shapes, _ := planShapes(sizes, maxShapes); len(shapes) != 1 || shapes[0].tokens != model.Bucket(100) {
		t.Errorf("shapes %+v, want one of %d tokens", shapes, model.Bucket(100))
	}
}
