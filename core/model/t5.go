package model

import (
	"fmt"
	"math"

	"handful/core/graph"
	"handful/core/tensor"
)

// t5 is T5 and mT5 as transformers' T5ForConditionalGeneration computes them,
// v1.0 (ReLU, tied and scaled head) and v1.1 (gated, a head of its own): pre-norm
// blocks without biases; attention is not scaled, and its scores gain a bias by
// distance, one table for each stack.
//
//	encoder  x ← x + o(attn(q n, k n, v n; bias)),  x ← x + wo(act(wi n))
//	decoder  the same, causal, and between the two
//	         x ← x + o(attn(q n, k e, v e)),  e the encoder's last, normalised state
type t5 struct {
	c                Config
	embed            *tensor.Var // [Vocab, Hidden]
	head             *tensor.Var // [Vocab, Hidden]; embed when tied
	encoder, decoder t5Stack
}

type t5Stack struct {
	blocks []t5Block
	norm   *tensor.Var // [Hidden]
	stored *tensor.Var // the bias as the checkpoint has it, [Buckets, Heads]
	table  *tensor.Var // and by distance
	bias   graph.Bias
}

type t5Block struct {
	self  t5Attention
	cross *t5Attention // the decoder's
	norm  *tensor.Var  // [Hidden]
	wi    []linear     // one, or the gate and what it gates
	wo    linear
}

type t5Attention struct {
	norm       *tensor.Var // [Hidden]
	q, k, v, o linear
}

func newT5(c Config, w Weights) (Model, error) {
	l := loader{w: w}
	m := &t5{c: c, embed: l.get("shared.weight", c.Vocab, c.Hidden)}
	m.encoder = l.t5Stack(c, "encoder", c.EncoderLayers, false)
	m.decoder = l.t5Stack(c, "decoder", c.Layers, true)
	if m.head = m.embed; !c.Tied {
		m.head = l.get("lm_head.weight", c.Vocab, c.Hidden)
	}
	return m, l.err
}

func (l *loader) t5Stack(c Config, name string, layers int, decoder bool) (s t5Stack) {
	inner := c.Heads * c.HeadDim
	for i := range layers {
		part := 0
		next := func() string { part++; return fmt.Sprintf("%s.block.%d.layer.%d.", name, i, part-1) }
		lin := func(module string, in, out int) linear {
			return linear{w: l.get(module+".weight", out, in), site: Site{Name: module, Layer: i, Module: lastPart(module), In: in, Out: out}}
		}
		attention := func(kind string) t5Attention {
			p := next()
			return t5Attention{l.norm(p+"layer_norm.weight", c.Hidden), lin(p+kind+".q", c.Hidden, inner), lin(p+kind+".k", c.Hidden, inner),
				lin(p+kind+".v", c.Hidden, inner), lin(p+kind+".o", inner, c.Hidden)}
		}
		b := t5Block{self: attention("SelfAttention")}
		if decoder {
			cross := attention("EncDecAttention")
			b.cross = &cross
		}
		p := next()
		b.norm = l.norm(p+"layer_norm.weight", c.Hidden)
		names := []string{"wi_0", "wi_1"}
		if c.Act == "relu" {
			names = []string{"wi"}
		}
		for _, n := range names {
			b.wi = append(b.wi, lin(p+"DenseReluDense."+n, c.Hidden, c.FFN))
		}
		b.wo = lin(p+"DenseReluDense.wo", c.FFN, c.Hidden)
		s.blocks = append(s.blocks, b)
	}
	s.norm = l.norm(name+".final_layer_norm.weight", c.Hidden)
	if s.stored = l.get(name+".block.0.layer.0.SelfAttention.relative_attention_bias.weight", c.Buckets, c.Heads); s.stored != nil {
		s.table, s.bias, l.err = biasTable(c, name+".bias", s.stored.Init, decoder)
	}
	return s
}

func (m *t5) Config() Config { return m.c }

func (b *t5Block) linears() (ls []linear) {
	ls = append(ls, b.self.q, b.self.k, b.self.v, b.self.o)
	if b.cross != nil {
		ls = append(ls, b.cross.q, b.cross.k, b.cross.v, b.cross.o)
	}
	return append(append(ls, b.wi...), b.wo)
}

func (m *t5) Sites() (s []Site) {
	for _, stack := range []t5Stack{m.encoder, m.decoder} {
		for _, b := range stack.blocks {
			for _, l := range b.linears() {
				s = append(s, l.site)
			}
		}
	}
	return s
}

func (m *t5) Vars() []*tensor.Var {
	v := []*tensor.Var{m.embed}
	for _, stack := range []t5Stack{m.encoder, m.decoder} {
		for _, b := range stack.blocks {
			for _, l := range b.linears() {
				v = append(v, l.w)
			}
			if v = append(v, b.self.norm, b.norm); b.cross != nil {
				v = append(v, b.cross.norm)
			}
		}
		v = append(v, stack.stored, stack.norm)
	}
	if m.head != m.embed {
		v = append(v, m.head)
	}
	return v
}

// attr is every attention's: unscaled.
func (m *t5) attr() graph.AttentionAttr {
	return graph.AttentionAttr{Heads: m.c.Heads, KVHeads: m.c.Heads, Dim: m.c.HeadDim, Scale: 1}
}

// feedForward is wo(act(wi x)), or wo(act(wi_0 x) ⊙ wi_1 x).
func (m *t5) feedForward(b t5Block, x *graph.Node, lin func(linear, *graph.Node) *graph.Node) *graph.Node {
	if len(b.wi) == 1 {
		return lin(b.wo, graph.ReLU(lin(b.wi[0], x)))
	}
	return lin(b.wo, graph.GatedAct(lin(b.wi[0], x), lin(b.wi[1], x), graph.Activation(m.c.Act)))
}

// encode is the encoder's normalised output [m, Hidden].
func (m *t5) encode(g *graph.Graph, s *Source, ad Adapter) *graph.Node {
	eps, lin := float32(m.c.Eps), func(l linear, x *graph.Node) *graph.Node { return adapted(g, ad, l, x, s.Slot) }
	x := graph.Gather(g.Use(m.embed), s.IDs)
	for _, b := range m.encoder.blocks {
		h := graph.RMSNorm(x, g.Use(b.self.norm), eps)
		y := graph.AttentionBias(lin(b.self.q, h), lin(b.self.k, h), lin(b.self.v, h), g.Use(m.encoder.table), s.Span, s.Back, m.attr(), m.encoder.bias)
		x = graph.Add(x, lin(b.self.o, y))
		x = graph.Keep(graph.Add(x, m.feedForward(b, graph.RMSNorm(x, g.Use(b.norm), eps), lin)))
	}
	return graph.RMSNorm(x, g.Use(m.encoder.norm), eps)
}

func (m *t5) Remember(g *graph.Graph, s *Source, ad Adapter) (stored []*graph.Node) {
	e := m.encode(g, s, ad)
	for i, b := range m.decoder.blocks {
		stored = append(stored,
			graph.StoreRows(s.Memory.K[i], adapted(g, ad, b.cross.k, e, s.Slot), s.Memory.Rows),
			graph.StoreRows(s.Memory.V[i], adapted(g, ad, b.cross.v, e, s.Slot), s.Memory.Rows))
	}
	return stored
}

func (m *t5) Hidden(g *graph.Graph, b Batch, ad Adapter) *graph.Node {
	eps, src := float32(m.c.Eps), b.Source
	lin := func(l linear, x *graph.Node) *graph.Node { return adapted(g, ad, l, x, b.Slot) }
	var e *graph.Node
	if src.Memory == nil {
		e = m.encode(g, src, ad)
	}
	x := graph.Gather(g.Use(m.embed), b.IDs)
	for i, bl := range m.decoder.blocks {
		h := graph.RMSNorm(x, g.Use(bl.self.norm), eps)
		k, v := lin(bl.self.k, h), lin(bl.self.v, h)
		if b.Cache != nil {
			k, v = graph.StoreRows(b.Cache.K[i], k, b.Cache.Rows), graph.StoreRows(b.Cache.V[i], v, b.Cache.Rows)
		}
		y := graph.AttentionBias(lin(bl.self.q, h), k, v, g.Use(m.decoder.table), b.Span, b.Back, m.attr(), m.decoder.bias)
		x = graph.Add(x, lin(bl.self.o, y))

		h = graph.RMSNorm(x, g.Use(bl.cross.norm), eps)
		if e != nil {
			k, v = adapted(g, ad, bl.cross.k, e, src.Slot), adapted(g, ad, bl.cross.v, e, src.Slot)
		} else {
			k, v = g.Use(src.Memory.K[i]), g.Use(src.Memory.V[i])
		}
		x = graph.Add(x, lin(bl.cross.o, graph.Attention(lin(bl.cross.q, h), k, v, src.Seen, src.SeenBy, m.attr())))

		x = graph.Keep(graph.Add(x, m.feedForward(bl, graph.RMSNorm(x, g.Use(bl.norm), eps), lin)))
	}
	return graph.RMSNorm(x, g.Use(m.decoder.norm), eps)
}

func (m *t5) Head(g *graph.Graph, h *graph.Node) *graph.Node {
	if m.c.ScaledHead {
		h = graph.ScaleBy(h, g.Fill(float32(1/math.Sqrt(float64(m.c.Hidden))), 1))
	}
	return graph.Linear(h, g.Use(m.head))
}
