package tune

import (
	"context"
	"slices"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/model"
	"handful/core/route"
	"handful/core/tensor"
)

// headBytes bounds the logits of one piece of the label rows: a vocabulary of
// 49,152 takes 192 KiB a row.
const headBytes = 48 << 20

// shape is a bucket: tokens, label rows and task slots of a compiled graph.
type shape struct {
	tokens, labels, slots int
	source                int       // tokens of sources; 0: there is no encoder
	shared                bool      // sequences share prompts: model.PackShared
	smooth                float32   // label smoothing
	prefix                *model.KV // tokens before all of them; nil: none
}

// lossGraph is the forward graph from tokens to the negative log likelihood of
// each label. Label rows are cut into pieces, so that logits stay bounded.
type lossGraph struct {
	shape
	g      *graph.Graph
	batch  model.Batch
	task   *graph.Node // I32 [slots], router row of each slot
	noise  *graph.Node // see route.Bound; nil unless routes are sampled
	pieces []piece
}

type piece struct {
	rows, labels *graph.Node // I32 [n]
	logits, nll  *graph.Node // F32 [n, vocab], [n]
}

// sized is the shape of a batch, rounded up to few.
func sized(r *model.Ragged, slots int) shape {
	s := shape{tokens: model.Bucket(r.Tokens()), labels: model.Bucket(len(r.Rows)), slots: slots}
	if n := len(r.Source.IDs); n > 0 {
		s.source = model.Bucket(n)
	}
	return s
}

// cover is a shape that holds what both do.
func (s shape) cover(o shape) shape {
	s.tokens, s.labels, s.slots, s.source = max(s.tokens, o.tokens), max(s.labels, o.labels), max(s.slots, o.slots), max(s.source, o.source)
	return s
}

// lay packs groups of sequences. common, where groups share the beginnings of
// their sequences, are the tokens of each that stand once; an encoder-decoder
// encodes once what a group looks at.
func lay(m model.Model, groups [][]model.Seq, common []int) *model.Ragged {
	switch {
	case m.Config().Encodes():
		return model.PackSources(slices.Concat(groups...))
	case common != nil:
		return model.PackShared(groups, common)
	}
	return model.Pack(slices.Concat(groups...))
}

// newLossGraph builds the graph; ad may be nil for the bare base.
func newLossGraph(m model.Model, ad route.Adapter, s shape, grad bool, limit int) *lossGraph {
	g := graph.New()
	l := &lossGraph{shape: s, g: g, batch: model.NewBatch(g, s.tokens, grad), task: g.Input("task", tensor.I32, s.slots)}
	if s.shared {
		l.batch.Skip = g.Input("skip", tensor.I32, s.tokens, 2)
	}
	if s.source > 0 {
		l.batch.Source = model.NewSource(g, s.source, s.tokens, grad)
	}
	if s.prefix != nil {
		l.batch.Cache = s.prefix.Cache(g, s.tokens)
	}
	var bound model.Adapter
	if ad != nil {
		bound = ad.Bind(g, l.task)
	}
	if p, ok := bound.(*route.Bound); ok {
		l.noise = p.Noise
	}
	h := m.Hidden(g, l.batch, bound)
	if limit == 0 || limit > headBytes {
		limit = headBytes
	}
	most := max(1, limit/(4*m.Config().Vocab))
	for left := s.labels; left > 0; left -= most {
		n := min(left, most)
		p := piece{rows: g.Input("rows", tensor.I32, n), labels: g.Input("labels", tensor.I32, n)}
		p.logits = m.Head(g, graph.Gather(h, p.rows))
		p.nll = graph.SmoothCrossEntropy(p.logits, p.labels, s.smooth)
		l.pieces = append(l.pieces, p)
	}
	return l
}

// write sets the inputs: a packed batch, which is padded to the graph's shape,
// and the router row of each task slot.
func (l *lossGraph) write(p device.Program, r *model.Ragged, task []int32) error {
	var stored []int32
	if l.prefix != nil {
		stored = r.Behind(l.prefix.Shared)
	}
	r.Pad(l.tokens, l.labels)
	r.PadSource(l.source)
	ints := l.batch.Values(r)
	if l.prefix != nil {
		for len(stored) < l.tokens {
			stored = append(stored, -1)
		}
		ints[l.batch.Cache.Rows] = stored
	}
	slots := make([]int32, l.slots)
	for i := range slots {
		slots[i] = -1
		if i < len(task) {
			slots[i] = task[i]
		}
	}
	ints[l.task] = slots
	at := 0
	for _, c := range l.pieces {
		end := at + c.rows.Shape[0]
		ints[c.rows], ints[c.labels] = r.Rows[at:end], r.Labels[at:end]
		at = end
	}
	for n, v := range ints {
		if err := p.Write(n, tensor.I32Bytes(v)); err != nil {
			return err
		}
	}
	return nil
}

// perLabel declares an F32 input for each piece, one value a label.
func (l *lossGraph) perLabel(name string) (in []*graph.Node) {
	for _, p := range l.pieces {
		in = append(in, l.g.Input(name, tensor.F32, p.rows.Shape[0]))
	}
	return in
}

// writeLabels sets such inputs.
func writeLabels(p device.Program, in []*graph.Node, values []float32) error {
	for _, n := range in {
		if err := p.Write(n, tensor.F32Bytes(values[:n.Numel()])); err != nil {
			return err
		}
		values = values[n.Numel():]
	}
	return nil
}

// sum is the sum of what f gives for each piece.
func (l *lossGraph) sum(f func(i int, p piece) *graph.Node) (sum *graph.Node) {
	for i, p := range l.pieces {
		x := f(i, p)
		if sum != nil {
			x = graph.Add(sum, x)
		}
		sum = x
	}
	return sum
}

func readF32(ctx context.Context, p device.Program, n *graph.Node) ([]float32, error) {
	v := make([]float32, n.Numel())
	return v, p.Read(ctx, n, tensor.F32Bytes(v))
}

// readOne reads an output of one number.
func readOne(ctx context.Context, p device.Program, n *graph.Node) (float64, error) {
	v, err := readF32(ctx, p, n)
	return float64(v[0]), err
}
