// Package eval measures: metrics of answers, intervals and paired tests of
// their means, and the record that an evaluation leaves.
package eval

import "strings"

// Mean is the arithmetic mean, 0 of nothing.
func Mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(1, len(x)))
}

// Accuracy is the fraction of hits, 0 of nothing.
func Accuracy(hits []bool) float64 {
	n := 0
	for _, h := range hits {
		if h {
			n++
		}
	}
	return float64(n) / float64(max(1, len(hits)))
}

// Balanced is the mean over classes of the fraction of hits among a class's
// rows (scikit-learn's balanced_accuracy_score). gold is each row's class;
// classes without a row don't count.
func Balanced[T comparable](gold []T, hits []bool) float64 {
	type count struct{ right, all int }
	at := map[T]int{}
	var classes []count // in order of appearance, so that sums don't depend on a map's
	for i, g := range gold {
		k, ok := at[g]
		if !ok {
			k = len(classes)
			at[g] = k
			classes = append(classes, count{})
		}
		classes[k].all++
		if hits[i] {
			classes[k].right++
		}
	}
	sum := 0.0
	for _, c := range classes {
		sum += float64(c.right) / float64(c.all)
	}
	return sum / float64(max(1, len(classes)))
}

// Exact tells whether two answers are the same but for white space at their
// ends and the amount of it between words. Case and punctuation count.
func Exact(got, want string) bool {
	return strings.Join(strings.Fields(got), " ") == strings.Join(strings.Fields(want), " ")
}
