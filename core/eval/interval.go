package eval

import (
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Resamples is how many resamples an interval is made of, and Seed where its
// generator starts: the same data give the same interval everywhere.
const (
	Resamples = 2000
	Seed      = 20231105
)

// Interval is a 95 % interval.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Bootstrap is the percentile interval (Efron 1979) of a statistic: its 2.5 %
// and 97.5 % quantiles over resamples, each drawn by the generator it is given.
func Bootstrap(statistic func(*rand.Rand) float64) Interval {
	r := rand.New(rand.NewPCG(Seed, 1))
	v := make([]float64, Resamples)
	for i := range v {
		v[i] = statistic(r)
	}
	slices.Sort(v)
	return Interval{stat.Quantile(0.025, stat.LinInterp, v, nil), stat.Quantile(0.975, stat.LinInterp, v, nil)}
}

// resample draws n indices below n, with replacement.
func resample(r *rand.Rand, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = r.IntN(n)
	}
	return out
}

// MeanInterval is the interval of the mean of some groups of values: groups are
// resampled, then values within each, so that what varies with the group (a
// seed's examples, a task) is in the interval. One group: only its values.
// Without a value it is zero.
func MeanInterval(groups [][]float64) Interval {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g []float64) bool { return len(g) == 0 })
	if len(groups) == 0 {
		return Interval{}
	}
	return Bootstrap(func(r *rand.Rand) float64 {
		sum := 0.0
		for _, g := range resample(r, len(groups)) {
			part := 0.0
			for _, i := range resample(r, len(groups[g])) {
				part += groups[g][i]
			}
			sum += part / float64(len(groups[g]))
		}
		return sum / float64(len(groups))
	})
}
