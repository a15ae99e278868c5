package model

import (
	"handful/core/graph"
	"handful/core/tensor"
)

// Batch are the inputs of a ragged batch of n tokens: all examples end to end.
type Batch struct {
	IDs   *graph.Node // I32 [n], tokens
	Pos   *graph.Node // I32 [n], position in the example
	Span  *graph.Node // I32 [n, 2], keys each token sees
	Back  *graph.Node // I32 [n, 2], tokens that see each key; nil for inference
	Slot  *graph.Node // I32 [n], task slot; −1 for padding
	Skip  *graph.Node // I32 [n, 2], keys in the span that a token does not see; nil: none
	Cache *Cache      // nil: keys are the batch's own

	Source *Source // what an encoder-decoder's batch looks at; else nil
}

// NewBatch declares the inputs of a batch of n tokens.
func NewBatch(g *graph.Graph, n int, grad bool) Batch {
	b := Batch{
		IDs:  g.Input("ids", tensor.I32, n),
		Pos:  g.Input("pos", tensor.I32, n),
		Span: g.Input("span", tensor.I32, n, 2),
		Slot: g.Input("slot", tensor.I32, n),
	}
	if grad {
		b.Back = g.Input("back", tensor.I32, n, 2)
	}
	return b
}

// Values are the inputs of a packed batch that has been padded to the graph's
// size. Rows of a cache or a memory are not among them.
func (b *Batch) Values(r *Ragged) map[*graph.Node][]int32 {
	v := map[*graph.Node][]int32{b.IDs: r.IDs, b.Pos: r.Pos, b.Span: r.Span, b.Slot: r.Slot}
	if b.Back != nil {
		v[b.Back] = r.Back
	}
	if b.Skip != nil {
		v[b.Skip] = r.Skip
	}
	if s := b.Source; s != nil {
		s.values(v, &r.Source)
	}
	return v
}

// attention is what each token sees of a batch.
func (b *Batch) attention(q, k, v *graph.Node, a graph.AttentionAttr) *graph.Node {
	if b.Skip != nil {
		return graph.AttentionSkip(q, k, v, b.Span, b.Skip, b.Back, a)
	}
	return graph.Attention(q, k, v, b.Span, b.Back, a)
}

// Cache holds the keys and values of earlier tokens of one example: per layer
// [rows, KVHeads·HeadDim]. Rows says where the batch's tokens go.
type Cache struct {
	K, V []*tensor.Var
	Rows *graph.Node // I32 [n]; −1 is not kept
}

// Seq is one example: its tokens, a label per token (not shifted; -100 where
// there is no loss) and its task slot. Of an encoder-decoder they are the
// decoder's, from its start token on, and Source is what it looks at.
type Seq struct {
	IDs, Labels []int32
	Slot        int32
	Source      []int32
}

// Ragged is a packed batch on the host.
type Ragged struct {
	IDs, Pos, Span, Back, Slot []int32
	Skip                       []int32 // PackShared only
	Rows                       []int32 // tokens whose next token carries a label
	Labels                     []int32 // that label
	Of                         []int32 // the sequence each label belongs to
	Source                     RaggedSource
}

// Tokens is the number of tokens without padding, of an encoder-decoder the
// decoder's.
func (r *Ragged) Tokens() int { return len(r.IDs) }

// Pack lays sequences end to end. Token t of a causal example sees the tokens
// of its own example up to itself; the label of token t+1 is asked of row t.
// A label on a first token can't be predicted and is dropped.
func Pack(seqs []Seq) *Ragged {
	r := &Ragged{}
	for i, s := range seqs {
		lo := int32(len(r.IDs))
		hi := lo + int32(len(s.IDs))
		for t, id := range s.IDs {
			at := lo + int32(t)
			r.IDs = append(r.IDs, id)
			r.Pos = append(r.Pos, int32(t))
			r.Span = append(r.Span, lo, at+1)
			r.Back = append(r.Back, at, hi)
			r.Slot = append(r.Slot, s.Slot)
			if t+1 < len(s.Labels) && s.Labels[t+1] >= 0 {
				r.Rows = append(r.Rows, at)
				r.Labels = append(r.Labels, s.Labels[t+1])
				r.Of = append(r.Of, int32(i))
			}
		}
	}
	return r
}

// PackShared lays groups of sequences end to end, the tokens that a group's
// sequences begin with (shared[g] of them, before the first label) once: behind
// them stands each sequence's rest, which sees the shared part and itself.
func PackShared(groups [][]Seq, shared []int) *Ragged {
	r := &Ragged{}
	of := int32(0)
	put := func(id int32, pos int, lo, skip, skipEnd, end int, slot int32) {
		r.Back = append(r.Back, int32(len(r.IDs)), int32(end))
		r.IDs = append(r.IDs, id)
		r.Pos = append(r.Pos, int32(pos))
		r.Span = append(r.Span, int32(lo), int32(len(r.IDs)))
		r.Skip = append(r.Skip, int32(skip), int32(skipEnd))
		r.Slot = append(r.Slot, slot)
	}
	for g, seqs := range groups {
		lo, n := len(r.IDs), shared[g]
		end := lo + n
		for _, s := range seqs {
			end += len(s.IDs) - n
		}
		for t, id := range seqs[0].IDs[:n] {
			put(id, t, lo, 0, 0, end, seqs[0].Slot)
		}
		for _, s := range seqs {
			start := len(r.IDs)
			end := start + len(s.IDs) - n
			for t := n; t < len(s.IDs); t++ {
				if s.Labels[t] >= 0 && t > 0 {
					from := len(r.IDs) - 1
					if t == n {
						from = lo + n - 1
					}
					r.Rows = append(r.Rows, int32(from))
					r.Labels = append(r.Labels, s.Labels[t])
					r.Of = append(r.Of, of)
				}
				put(s.IDs[t], t, lo, lo+n, start, end, s.Slot)
			}
			of++
		}
	}
	return r
}

// Behind moves a batch of one PackShared group behind a cache's shared tokens,
// which all its tokens see, and gives the row of the cache that each token is
// stored in. It comes before Pad.
func (r *Ragged) Behind(shared int) (rows []int32) {
	s := int32(shared)
	for i := range r.IDs {
		rows = append(rows, s+int32(i))
		r.Pos[i] += s
		r.Span[2*i+1] += s // from the first shared token on
		if r.Skip[2*i] < r.Skip[2*i+1] {
			r.Skip[2*i] += s
			r.Skip[2*i+1] += s
		}
	}
	return rows
}

// Pad fills up to n tokens and l label rows with what nothing reads: token 0
// with an empty span, label −1.
func (r *Ragged) Pad(n, l int) {
	for len(r.IDs) < n {
		r.IDs = append(r.IDs, 0)
		r.Pos = append(r.Pos, 0)
		r.Span = append(r.Span, 0, 0)
		r.Back = append(r.Back, 0, 0)
		r.Skip = append(r.Skip, 0, 0)
		r.Slot = append(r.Slot, -1)
		r.Source.Seen = append(r.Source.Seen, 0, 0)
	}
	for len(r.Rows) < l {
		r.Rows = append(r.Rows, -1)
		r.Labels = append(r.Labels, -1)
		r.Of = append(r.Of, -1)
	}
}

// Bucket rounds n up so that few shapes are compiled: to 8 steps per octave,
// which pads by less than an eighth.
func Bucket(n int) int {
	step := 4
	for n > 16*step {
		step *= 2
	}
	return max(step, (n+step-1)/step*step)
}
