package tune_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"handful/core/route"
	"handful/core/skill"
	"handful/core/tune"
)

// The hash is part of a file's format: these are the places and signs that its
// definition gives, by Python's integers.
//
//	def mix(x):
//	    x = (x + 0x9e3779b97f4a7c15) % 2**64
//	    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 % 2**64
//	    x = (x ^ x >> 27) * 0x94d049bb133111eb % 2**64
//	    return x ^ x >> 31
//	for i in (0, 1, 2, 1_000_000): print(mix(i) % 1024, -1 if mix(i) >> 63 else 1)
func TestSketchIsAsItsFormatSays(t *testing.T) {
	for i, want := range map[int]struct {
		place int
		sign  float32
	}{0: {431, -1}, 1: {193, -1}, 2: {718, -1}, 1000000: {487, 1}} {
		g := make([]float32, i+1)
		g[i] = 3
		for k, v := range tune.SketchOf(g) {
			if w := map[bool]float32{true: want.sign}[k == want.place]; v != w {
				t.Errorf("element %d: number %d is %v, want %v", i, k, v, w)
			}
		}
	}
}

// Products of sketches are cosines, without bias and as near as they promise.
func TestSketchesKeepCosines(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, pairs = 5000, 400
	for _, want := range []float64{-.5, 0, .3, .9} {
		sum, squares := 0.0, 0.0
		for range pairs {
			a, b := make([]float32, n), make([]float32, n)
			for i := range a {
				x, y := r.NormFloat64(), r.NormFloat64()
				a[i], b[i] = float32(x), float32(want*x+math.Sqrt(1-want*want)*y)
			}
			off := tune.CosineOfSketches(tune.SketchOf(a), tune.SketchOf(b)) - exact(a, b)
			sum, squares = sum+off, squares+off*off
		}
		sd := math.Sqrt(squares / pairs)
		if most := math.Sqrt(2. / skill.SketchSize); sd > most || math.Abs(sum/pairs) > 3*most/math.Sqrt(pairs) {
			t.Errorf("cosine %v: off by %v on average, by %v in the square mean", want, sum/pairs, sd)
		}
	}
	if c := tune.CosineOfSketches(tune.SketchOf(make([]float32, 9)), tune.SketchOf([]float32{1})); c != 0 {
		t.Errorf("cosine with zero is %v", c)
	}
}

func exact(a, b []float32) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// Sketches are of the gradients that Align compares, on every device.
func TestSketchesOfGradients(t *testing.T) {
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			inv := goldenInventory(t, "s4")
			ad := route.NewPoly(inv)
			defer func() {
				for _, p := range ad.Params() {
					d.Free(p.Var)
				}
			}()
			want, err := tune.Align(context.Background(), d, goldenModel(t), ad, inv.Tasks, alignSets(t, 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			calls := 0
			got, err := tune.Sketches(context.Background(), d, goldenModel(t), ad, inv.Tasks, alignSets(t, 1), func(int) { calls++ })
			if err != nil || len(got) != 3 || calls != 3 {
				t.Fatalf("%d sketches, %d calls, %v", len(got), calls, err)
			}
			for i := range got {
				for j := range i {
					if c := tune.CosineOfSketches(got[i], got[j]); !near(c, want.Cosine[i][j], 3*.044, 0) {
						t.Errorf("cosine %d, %d: about %v, is %v", i, j, c, want.Cosine[i][j])
					}
				}
			}
		})
	}
}
