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

// Cell is a value a row judged, in classes: [class][row]. Its mean is that over
// classes of the means within, which of hits is balanced accuracy; other metrics
// have one class.
type Cell [][]float64

// Mean is the mean over classes; those without a row don't count.
func (c Cell) Mean() float64 {
	var v []float64
	for _, rows := range c {
		if len(rows) > 0 {
			v = append(v, Mean(rows))
		}
	}
	return Mean(v)
}

// Cells are the cells of each task, a cell for each draw of examples. Tasks may
// differ in length; empty ones don't count.
type Cells [][]Cell

// filled is without what is empty.
func (c Cells) filled() (out Cells) {
	for _, task := range c {
		var cells []Cell
		for _, cell := range task {
			cell = slices.DeleteFunc(slices.Clone(cell), func(rows []float64) bool { return len(rows) == 0 })
			if len(cell) > 0 {
				cells = append(cells, cell)
			}
		}
		if len(cells) > 0 {
			out = append(out, cells)
		}
	}
	return out
}

// Means are the tasks' means of their cells' means.
func (c Cells) Means() (out []float64) {
	for _, task := range c.filled() {
		var v []float64
		for _, cell := range task {
			v = append(v, cell.Mean())
		}
		out = append(out, Mean(v))
	}
	return out
}

// Interval is that of the mean of Means. Tasks are resampled, then cells within
// each, then rows within each class of these: what another choice of tasks,
// another draw of examples and other rows might give is all in it, as far as
// there is more than one. Without a value it is zero.
func (c Cells) Interval() Interval {
	tasks := c.filled()
	if len(tasks) == 0 {
		return Interval{}
	}
	return Bootstrap(func(r *rand.Rand) float64 {
		sum := 0.0
		for range tasks {
			task := tasks[r.IntN(len(tasks))]
			for range task {
				sum += task[r.IntN(len(task))].resample(r) / float64(len(task))
			}
		}
		return sum / float64(len(tasks))
	})
}

// resample is the mean of rows drawn anew within each class.
func (c Cell) resample(r *rand.Rand) float64 {
	sum := 0.0
	for _, rows := range c {
		part := 0.0
		for range rows {
			part += rows[r.IntN(len(rows))]
		}
		sum += part / float64(len(rows))
	}
	return sum / float64(len(c))
}
