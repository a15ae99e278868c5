package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The interval of a mean of many values is the normal one, mean ± 1.96·sd/√n,
// up to what 2000 resamples leave open.
func TestMeanIntervalIsNormal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float64, 400)
	sum, sq := 0.0, 0.0
	for i := range x {
		x[i] = r.NormFloat64()*2 + 5
		sum, sq = sum+x[i], sq+x[i]*x[i]
	}
	n := float64(len(x))
	mean := sum / n
	se := math.Sqrt((sq/n - mean*mean) / n)
	got := Cells{{{x}}}.Interval()
	if !near(got.Lo, mean-1.96*se, 0.15*se) || !near(got.Hi, mean+1.96*se, 0.15*se) {
		t.Errorf("got %v, want %v ± %v", got, mean, 1.96*se)
	}
	if again := (Cells{{{x}}}).Interval(); again != got {
		t.Errorf("the same values gave %v, then %v", got, again)
	}
}

// What varies only between cells, or only between tasks, is in the interval
// although it is constant within each.
func TestIntervalOfLevels(t *testing.T) {
	low, high := []float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}
	for _, c := range []Cells{{{{low}, {high}, nil}}, {{{low}}, {{high}}, nil}, {{{low}, {nil}, {low, nil}}, {{high}}}} {
		if got := c.Interval(); got != (Interval{0, 1}) {
			t.Errorf("%v: got %v, want 0 to 1: a resample may hold one of two twice", c, got)
		}
	}
	if got := (Cells{{{{0, 0, 1, 1}}}}).Interval(); !(got.Lo < 0.25 && got.Hi > 0.75) {
		t.Errorf("got %v", got)
	}
	// rows of a class stay as many: balanced accuracy stays within its bounds
	if got := (Cells{{{{1, 1}, {1, 0, 1, 0, 1, 0}}}}).Interval(); !(got.Lo > 0.5 && got.Lo < 0.75 && got.Hi > 0.75 && got.Hi <= 1) {
		t.Errorf("two classes: %v", got)
	}
	if got := (Cells{nil, {nil, {nil}}}).Interval(); got != (Interval{}) {
		t.Errorf("of nothing: %v", got)
	}
	if got := (Cells{{{{1, 3}}, {{2}, nil, {6, 6, 6}}}, {{{6}}}, nil}).Means(); !slices.Equal(got, []float64{3, 6}) {
		t.Errorf("means %v, want 3 and 6", got)
	}
}

func TestTestsGolden(t *testing.T) {
	for _, c := range readGolden(t).Tests {
		if got := tTest(c.X); !near(got, c.T, 1e-8) {
			t.Errorf("t test of %v: p %v, want %v", c.X, got, c.T)
		}
		if got := signTest(c.X); !near(got, c.Sign, 1e-12) {
			t.Errorf("sign test of %v: p %v, want %v", c.X, got, c.Sign)
		}
	}
}

func TestCompare(t *testing.T) {
	p := Compare(Cells{{{{0.1}}, {{0, 0.6}}}, {{{0.2}}}, nil, {{{0.1}}, {{0.1}}, {{0.1}}}})
	if p.Tasks != 3 || p.Pairs != 6 || !near(p.Mean, (0.2+0.2+0.1)/3, 1e-12) {
		t.Errorf("got %+v", p)
	}
	if !(p.Interval.Lo > 0 && p.Interval.Lo < p.Mean && p.Interval.Hi > p.Mean) || !near(p.Sign, 0.25, 1e-12) {
		t.Errorf("got %+v", p)
	}
	for _, c := range []struct {
		tasks   Cells
		t, sign float64
	}{
		{nil, 1, 1},
		{Cells{{{{0.5}}}}, 1, 1},
		{Cells{{{{0}}}, {{{0}}}}, 1, 1},
		{Cells{{{{0.5}}}, {{{0.5}}}}, 0, 0.5},
	} {
		if p := Compare(c.tasks); p.TTest != c.t || !near(p.Sign, c.sign, 1e-12) {
			t.Errorf("%v: t %v, sign %v, want %v, %v", c.tasks, p.TTest, p.Sign, c.t, c.sign)
		}
	}
}
