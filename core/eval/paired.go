package eval

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Paired compares two methods by differences a − b of cells that both judged.
type Paired struct {
	Tasks    int      `json:"tasks"`
	Pairs    int      `json:"pairs"`    // tasks × seeds
	Mean     float64  `json:"mean"`     // mean over tasks of the mean difference
	Interval Interval `json:"interval"` // Cells.Interval
	TTest    float64  `json:"t_test"`   // two-sided p of the t test on tasks' means; 1 with fewer than two tasks
	Sign     float64  `json:"sign"`     // two-sided p of the exact sign test on tasks' means
}

// Compare makes the paired tests of differences, a value a row (or a cell).
// Seeds of one task are no independent evidence, so tests take each task's mean
// as one observation, and the interval resamples tasks first.
func Compare(differences Cells) Paired {
	tasks := differences.filled()
	means := tasks.Means()
	p := Paired{Tasks: len(tasks), Mean: Mean(means), Interval: tasks.Interval(), TTest: tTest(means), Sign: signTest(means)}
	for _, t := range tasks {
		p.Pairs += len(t)
	}
	return p
}

// tTest is the two-sided p of Student's one-sample t test that the mean is 0
// (Student 1908). Values that are all the same give 0, or 1 where they are 0.
func tTest(x []float64) float64 {
	if len(x) < 2 {
		return 1
	}
	mean, sd := stat.MeanStdDev(x, nil)
	if sd == 0 {
		if mean == 0 {
			return 1
		}
		return 0
	}
	n := float64(len(x))
	t := math.Abs(mean) / (sd / math.Sqrt(n))
	return min(1, 2*distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Survival(t))
}

// signTest is the two-sided p of the exact sign test: how likely a fair coin is
// to fall as unevenly as the signs. Zeros are left out.
func signTest(x []float64) float64 {
	plus, n := 0, 0
	for _, v := range x {
		if v != 0 {
			n++
		}
		if v > 0 {
			plus++
		}
	}
	if n == 0 {
		return 1
	}
	few := min(plus, n-plus)
	return min(1, 2*distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(few)))
}
