package tune

import (
	"math"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/tensor"
)

// tfew is T-Few's loss (mttl t0_encoder_decoder.py:training_step with mc_loss,
// unlikely_loss and length_norm 1). With nll the negative log likelihood of
// each token of each answer c of each row:
//
//	lm = mean of nll over the tokens of the right answers of the batch
//	score[c] = Σ nll(c)/tokens(c);  mc = mean over rows of CE(−score, right)
//	ul = Σ −log(1 − e^(−nll) + 1/100) / W over the W tokens of wrong answers
//	loss = lm + mc + ul
//
// mttl lays answers out in a rectangle; each place in it that is padding or of
// a right answer holds a log likelihood of −100 and adds −log(1.01) to ul's
// numerator. That constant is added here too, so that the losses compare.
type tfew struct {
	lg         *lossGraph
	rows, most int           // rows, and answers of a row, that the graph has room for
	right      []*graph.Node // F32, per label: 1/tokens of all right answers, or 0
	wrong      []*graph.Node // F32, per label: 1/W, or 0
	norm       []*graph.Node // F32, per label: −1/tokens of its answer
	of         []*graph.Node // I32, per label: its answer's place in scores
	absent     *graph.Node   // F32 [rows, most]: unlikely where a row has no such answer
	gold       *graph.Node   // I32 [rows]: 0, the right answer's place; −1: no row
	share      *graph.Node   // F32 [rows]: 1/rows
	padding    *graph.Node   // F32 [1]: the constant
	lm, mc, ul *graph.Node   // [1]
	total      *graph.Node
}

// unlikely is the score of an answer that a row does not have: its exp is 0.
const unlikely = -1e30

func newTFew(lg *lossGraph, rows, most int) *tfew {
	g := lg.g
	t := &tfew{lg: lg, rows: rows, most: most, right: lg.perLabel("right"), wrong: lg.perLabel("wrong"), norm: lg.perLabel("norm"),
		absent: g.Input("absent", tensor.F32, rows, most), gold: g.Input("gold", tensor.I32, rows), share: g.Input("share", tensor.F32, rows), padding: g.Input("padding", tensor.F32, 1)}
	for _, p := range lg.pieces {
		t.of = append(t.of, g.Input("of", tensor.I32, p.rows.Shape[0]))
	}
	scores := graph.Add(t.absent, lg.sum(func(i int, p piece) *graph.Node { return graph.GroupSum(p.nll, t.norm[i], t.of[i], rows, most) }))
	t.lm = lg.sum(func(i int, p piece) *graph.Node { return graph.Dot(p.nll, t.right[i]) })
	t.mc = graph.Dot(graph.CrossEntropy(scores, t.gold), t.share)
	t.ul = graph.Add(t.padding, lg.sum(func(i int, p piece) *graph.Node { return graph.Dot(graph.Unlikelihood(p.nll), t.wrong[i]) }))
	t.total = graph.Add(graph.Add(t.lm, t.mc), t.ul)
	return t
}

func (t *tfew) loss() *graph.Node { return t.total }

func (t *tfew) write(p device.Program, b *batch) error {
	places, tokens := b.places()
	whole := b.whole
	room := t.lg.labels
	lm, ul, norm, of := make([]float32, room), make([]float32, room), make([]float32, room), make([]int32, room)
	wrong := 0 // labels here of wrong answers
	for i := range of {
		if i >= len(b.Of) {
			of[i] = -1
			continue
		}
		at := places[b.Of[i]]
		norm[i], of[i] = -1/float32(tokens[b.Of[i]]), int32(at.row*t.most+at.answer)
		if at.answer == 0 {
			lm[i] = 1 / float32(whole.labels-whole.wrong)
		} else {
			wrong++
			ul[i] = 1 / float32(whole.wrong)
		}
	}
	absent, gold, share := make([]float32, t.rows*t.most), make([]int32, t.rows), make([]float32, t.rows)
	for r := range gold {
		have := 0
		if gold[r] = -1; r < b.examples {
			have, gold[r], share[r] = b.answers[r], 0, 1/float32(whole.examples)
		}
		for c := have; c < t.most; c++ {
			absent[r*t.most+c] = unlikely
		}
	}
	constant := -math.Log(1-math.Exp(-100)+1e-2) * float64(len(places)*whole.longest-wrong) / float64(whole.wrong)
	for _, x := range []struct {
		in     []*graph.Node
		values []float32
	}{{t.right, lm}, {t.wrong, ul}, {t.norm, norm}, {[]*graph.Node{t.absent}, absent}, {[]*graph.Node{t.share}, share}, {[]*graph.Node{t.padding}, []float32{float32(constant)}}} {
		if err := writeLabels(p, x.in, x.values); err != nil {
			return err
		}
	}
	for _, n := range t.of {
		if err := p.Write(n, tensor.I32Bytes(of[:n.Numel()])); err != nil {
			return err
		}
		of = of[n.Numel():]
	}
	return p.Write(t.gold, tensor.I32Bytes(gold))
}
