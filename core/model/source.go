package model

import (
	"slices"

	"handful/core/graph"
	"handful/core/tensor"
)

// Source are the encoder's inputs of a batch: m tokens of all sources end to
// end, as Batch has them. With a Memory there is nothing to encode: the sources
// are what it holds.
type Source struct {
	IDs, Span, Back, Slot *graph.Node
	Seen                  *graph.Node // I32 [n, 2], source tokens that each token of the batch sees
	SeenBy                *graph.Node // I32 [m, 2], tokens of the batch that see each of the source; nil for inference
	Memory                *Memory
}

// Memory is what a decoder looks at of sources that were encoded before: keys
// and values of each layer's attention to the encoder, [rows, Heads·HeadDim].
type Memory struct {
	K, V []*tensor.Var
	Rows *graph.Node // I32 [m], where Remember stores each token; −1 is not kept
}

// NewSource declares the inputs of m source tokens for a batch of n.
func NewSource(g *graph.Graph, m, n int, grad bool) *Source {
	s := &Source{
		IDs:  g.Input("source.ids", tensor.I32, m),
		Span: g.Input("source.span", tensor.I32, m, 2),
		Slot: g.Input("source.slot", tensor.I32, m),
		Seen: g.Input("seen", tensor.I32, n, 2),
	}
	if grad {
		s.Back = g.Input("source.back", tensor.I32, m, 2)
		s.SeenBy = g.Input("seen.by", tensor.I32, m, 2)
	}
	return s
}

func (s *Source) values(v map[*graph.Node][]int32, r *RaggedSource) {
	for _, x := range []struct {
		in     *graph.Node
		values []int32
	}{{s.IDs, r.IDs}, {s.Span, r.Span}, {s.Back, r.Span}, {s.Slot, r.Slot}, {s.Seen, r.Seen}, {s.SeenBy, r.SeenBy}} {
		if x.in != nil {
			v[x.in] = x.values
		}
	}
}

// RaggedSource is the encoder's part of a packed batch. Every token of a source
// sees and is seen by all of it: Span is both.
type RaggedSource struct {
	IDs, Span, Slot []int32
	Seen, SeenBy    []int32
}

// PackSources lays an encoder-decoder's sequences end to end, and their sources.
// Neighbours with the same source and slot look at one, which is encoded once:
// the answers to one question. A sequence's last token has nothing to predict
// and is left out.
func PackSources(seqs []Seq) *Ragged {
	short := make([]Seq, len(seqs))
	for i, q := range seqs {
		q.IDs = q.IDs[:max(0, len(q.IDs)-1)]
		short[i] = q
	}
	r := Pack(short)
	s, at := &r.Source, int32(0)
	for i := 0; i < len(seqs); {
		q, from := seqs[i], at
		for ; i < len(seqs) && seqs[i].Slot == q.Slot && slices.Equal(seqs[i].Source, q.Source); i++ {
			at += int32(len(short[i].IDs))
		}
		lo, hi := s.add(q.Source, q.Slot, from, at)
		for range at - from {
			s.Seen = append(s.Seen, lo, hi)
		}
	}
	return r
}

// add lays a source behind the others, which tokens from to to−1 see, and tells
// where it stands.
func (s *RaggedSource) add(ids []int32, slot, from, to int32) (lo, hi int32) {
	lo = int32(len(s.IDs))
	hi = lo + int32(len(ids))
	for _, id := range ids {
		s.IDs = append(s.IDs, id)
		s.Span = append(s.Span, lo, hi)
		s.Slot = append(s.Slot, slot)
		s.SeenBy = append(s.SeenBy, from, to)
	}
	return lo, hi
}

// PadSource fills up to m source tokens with what nothing looks at.
func (r *Ragged) PadSource(m int) { r.Source.pad(m) }

func (s *RaggedSource) pad(m int) {
	for len(s.IDs) < m {
		s.IDs = append(s.IDs, 0)
		s.Span = append(s.Span, 0, 0)
		s.Slot = append(s.Slot, -1)
		s.SeenBy = append(s.SeenBy, 0, 0)
	}
}
