package devicetest

import (
	"fmt"
	"math"
	"strings"
)

// Tolerance allows |got−want| ≤ Rel·|want| + Abs·max(Scale, max|want|): Abs
// covers elements that are small because large ones cancel, Scale tensors that
// are small as a whole for the same reason. The zero value allows nothing.
type Tolerance struct{ Rel, Abs, Scale float64 }

// Tight is for float32 arithmetic in any order; Loose for ops whose
// exponentials and square roots a GPU may compute less exactly.
var (
	Tight = Tolerance{Rel: 1e-5, Abs: 2e-6}
	Loose = Tolerance{Rel: 1e-4, Abs: 1e-5, Scale: 1}
)

// Check compares values and shows the first five that differ. A value that is
// not finite must be equal.
func (t Tolerance) Check(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("got %d values, want %d", len(got), len(want))
	}
	most := t.Scale
	for _, w := range want {
		if a := math.Abs(float64(w)); a > most && !math.IsInf(a, 0) {
			most = a
		}
	}
	var bad []string
	count, worst := 0, 0.0
	for i, w := range want {
		g := got[i]
		e := math.Abs(float64(g) - float64(w))
		if g == w || e <= t.Rel*math.Abs(float64(w))+t.Abs*most {
			continue
		}
		count++
		worst = max(worst, e)
		if len(bad) < 5 {
			bad = append(bad, fmt.Sprintf("[%d] got %g, want %g", i, g, w))
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d values off by up to %.3g (rel %g, abs %g of %.3g): %s",
		count, len(want), worst, t.Rel, t.Abs, most, strings.Join(bad, ", "))
}
