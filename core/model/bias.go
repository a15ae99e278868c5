package model

import (
	"math"

	"handful/core/graph"
	"handful/core/tensor"
)

// bucket is the row of T5's relative position bias for a key that stands
// distance behind its query (transformers modeling_t5.py,
// _relative_position_bucket, whose float32 logarithms it follows): near
// distances have rows of their own, farther ones share them by their logarithm,
// and all from most on have the last. To both sides, half of the rows are for
// keys behind the query.
func bucket(distance int, bothSides bool, buckets, most int) int {
	row := 0
	if bothSides {
		buckets /= 2
		if distance > 0 {
			row = buckets
		}
		distance = max(distance, -distance)
	} else {
		distance = max(-distance, 0)
	}
	exact := buckets / 2
	if distance < exact {
		return row + distance
	}
	log := float32(math.Log(float64(float32(distance) / float32(exact))))
	far := log / float32(math.Log(float64(most)/float64(exact))) * float32(buckets-exact)
	return row + min(exact+int(far), buckets-1)
}

// biasTable writes a bias [Buckets, Heads] out by head and distance: of a causal
// stack for 0 to MaxDistance before the query, else for as many to both sides.
func biasTable(c Config, name string, w tensor.Source, causal bool) (*tensor.Var, graph.Bias, error) {
	v, err := tensor.ReadF32(w)
	if err != nil {
		return nil, graph.Bias{}, err
	}
	b := graph.Bias{Width: c.MaxDistance + 1, Zero: c.MaxDistance, Causal: causal}
	if !causal {
		b.Width += c.MaxDistance
	}
	t := make([]float32, c.Heads*b.Width)
	for i := range b.Width {
		row := bucket(i-b.Zero, !causal, c.Buckets, c.MaxDistance)
		for h := range c.Heads {
			t[h*b.Width+i] = v[row*c.Heads+h]
		}
	}
	return tensor.FromF32(name, t, c.Heads, b.Width), b, nil
}
