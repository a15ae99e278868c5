package tune

import (
	"handful/core/device"
	"handful/core/graph"
)

// Losses that a trainer minimises.
const (
	LossLM   = "lm"   // the mean over the batch's label tokens; also ""
	LossNI   = "ni"   // mttl's for Natural Instructions: smoothed, summed over tokens, divided by the rows
	LossTFew = "tfew" // T-Few's, over the answers that each row could have
)

// niSmooth is the label smoothing of LossNI.
const niSmooth = 0.1

// objective is what is minimised, as a part of a loss graph.
type objective interface {
	loss() *graph.Node // [1]
	// write sets the inputs for a batch before lossGraph.write pads it.
	write(p device.Program, b *batch) error
}

// weighted is Σ weight·nll over all labels, one weight for all: 1/labels for
// LossLM, 1/rows for LossNI.
type weighted struct {
	lg      *lossGraph
	weights []*graph.Node // F32, per piece
	by      func(b *batch) float64
	sum     *graph.Node
}

func newWeighted(lg *lossGraph, by func(b *batch) float64) *weighted {
	w := &weighted{lg: lg, weights: lg.perLabel("weights"), by: by}
	w.sum = lg.sum(func(i int, p piece) *graph.Node { return graph.Dot(p.nll, w.weights[i]) })
	return w
}

func meanOfLabels(b *batch) float64 { return 1 / float64(b.whole.labels) }
func overRows(b *batch) float64     { return 1 / float64(b.whole.examples) }

func (w *weighted) loss() *graph.Node { return w.sum }

func (w *weighted) write(p device.Program, b *batch) error {
	v := make([]float32, w.lg.labels)
	by := float32(w.by(b))
	for i := range b.Rows {
		v[i] = by
	}
	return writeLabels(p, w.weights, v)
}
