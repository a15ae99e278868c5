package engine

import (
	"math"

	"handful/core/eval"
)

// sum fills the metrics from the rows.
func (s *ScoreRow) sum(generated bool) {
	var gold []string
	var hits []bool
	rouge := 0.0
	for _, p := range s.Rows {
		gold, hits = append(gold, p.Want), append(hits, p.OK)
		rouge += p.Rouge / float64(len(s.Rows))
	}
	s.Accuracy, s.Classes = eval.Accuracy(hits), len(s.Labels)
	s.Balanced = s.Accuracy
	if s.Labels != nil {
		s.Balanced = eval.Balanced(gold, hits)
	}
	if len(hits) > 0 {
		i := interval(byClass(gold, hits, s.Labels != nil))
		s.Interval = &i
	}
	if generated {
		exact := s.Accuracy
		s.Exact, s.RougeL = &exact, &rouge
	}
}

// interval is that of eval. Where each class is all right or all wrong, as of a
// model that always gives one answer, resampling has no width: then each class
// has Wilson's bound z²/(n + z²), z = 1.96, and their distances are added as
// squares (MOVER, Zou and Donner 2008).
func interval(c eval.Cell) eval.Interval {
	i := eval.Cells{{c}}.Interval()
	if i.Lo != i.Hi {
		return i
	}
	const z2 = 1.96 * 1.96
	below, above := 0.0, 0.0
	for _, rows := range c {
		width := z2 / (float64(len(rows)) + z2)
		if eval.Mean(rows) == 1 {
			below += width * width
		} else {
			above += width * width
		}
	}
	n := float64(len(c))
	return eval.Interval{Lo: max(0, i.Lo-math.Sqrt(below)/n), Hi: min(1, i.Hi+math.Sqrt(above)/n)}
}

// byClass are hits as 0 and 1, those of a class together where there are some.
func byClass(gold []string, hits []bool, classes bool) (c eval.Cell) {
	at := map[string]int{}
	for i, g := range gold {
		if !classes {
			g = ""
		}
		k, ok := at[g]
		if !ok {
			k = len(c)
			at[g], c = k, append(c, nil)
		}
		hit := 0.0
		if hits[i] {
			hit = 1
		}
		c[k] = append(c[k], hit)
	}
	return c
}
