package model

import (
	"fmt"
	"math"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// llama is the Llama decoder as transformers' LlamaForCausalLM computes it:
// pre-norm blocks of grouped-query attention with half-split rotary embedding
// and a SiLU-gated feed-forward. Qwen2 is the same with biases of q, k and v, and
// Qwen3 with norms of the heads of q and k, before they are turned.
//
//	x ← x + o(attn(rope(q(n1 x)), rope(k(n1 x)), v(n1 x)))
//	x ← x + down(silu(gate(n2 x)) ⊙ up(n2 x))
type llama struct {
	c      Config
	embed  *tensor.Var // [Vocab, Hidden]
	norm   *tensor.Var // [Hidden]
	head   *tensor.Var // [Vocab, Hidden]; embed when tied
	rope   *tensor.Var // [Context, HeadDim]
	layers []llamaLayer
}

type llamaLayer struct {
	norm1, norm2 *tensor.Var // [Hidden]
	qNorm, kNorm *tensor.Var // [HeadDim]; nil: none
	q, k, v, o   linear
	gate, up     linear
	down         linear
}

type linear struct {
	w    *tensor.Var // [Out, In]
	b    *tensor.Var // [Out, 1]; nil: none
	site Site
}

func newLlama(c Config, w Weights) (Model, error) {
	m := &llama{c: c, layers: make([]llamaLayer, c.Layers)}
	l := loader{w: w}
	d, q, kv := c.Hidden, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	m.embed = l.get("model.embed_tokens.weight", c.Vocab, d)
	for i := range m.layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		lin := func(module string, in, out int) linear {
			return linear{w: l.get(p+module+".weight", out, in), site: Site{Name: p + module, Layer: i, Module: lastPart(module), In: in, Out: out}}
		}
		biased := func(module string, in, out int) linear {
			x := lin(module, in, out)
			if c.QKVBias {
				x.b = l.bias(p+module+".bias", out)
			}
			return x
		}
		headNorm := func(name string) *tensor.Var {
			if !c.HeadNorm {
				return nil
			}
			return l.norm(p+name+".weight", c.HeadDim)
		}
		m.layers[i] = llamaLayer{
			qNorm: headNorm("self_attn.q_norm"), kNorm: headNorm("self_attn.k_norm"),
			norm1: l.norm(p+"input_layernorm.weight", d),
			norm2: l.norm(p+"post_attention_layernorm.weight", d),
			q:     biased("self_attn.q_proj", d, q), k: biased("self_attn.k_proj", d, kv),
			v: biased("self_attn.v_proj", d, kv), o: lin("self_attn.o_proj", q, d),
			gate: lin("mlp.gate_proj", d, c.FFN), up: lin("mlp.up_proj", d, c.FFN), down: lin("mlp.down_proj", c.FFN, d),
		}
	}
	m.norm = l.norm("model.norm.weight", d)
	m.head = m.embed
	if !c.Tied {
		m.head = l.get("lm_head.weight", c.Vocab, d)
	}
	m.rope = ropeTable(c)
	return m, l.err
}

func (m *llama) Config() Config { return m.c }

func (m *llama) Sites() (s []Site) {
	for _, l := range m.layers {
		for _, x := range []linear{l.q, l.k, l.v, l.o, l.gate, l.up, l.down} {
			s = append(s, x.site)
		}
	}
	return s
}

func (m *llama) Vars() []*tensor.Var {
	v := []*tensor.Var{m.embed}
	for _, l := range m.layers {
		v = append(v, l.norm1)
		for _, x := range []*tensor.Var{l.q.w, l.q.b, l.qNorm, l.k.w, l.k.b, l.kNorm, l.v.w, l.v.b} {
			if x != nil {
				v = append(v, x)
			}
		}
		v = append(v, l.o.w, l.norm2, l.gate.w, l.up.w, l.down.w)
	}
	v = append(v, m.norm)
	if m.head != m.embed {
		v = append(v, m.head)
	}
	return v
}

func (m *llama) Hidden(g *graph.Graph, b Batch, ad Adapter) *graph.Node {
	c, eps := m.c, float32(m.c.Eps)
	attr := graph.AttentionAttr{Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.HeadDim, Scale: float32(1 / math.Sqrt(float64(c.HeadDim)))}
	lin := func(l linear, x *graph.Node) *graph.Node { return adapted(g, ad, l, x, b.Slot) }
	rope := func(x *graph.Node, norm *tensor.Var) *graph.Node {
		if norm != nil {
			x = graph.RMSNorm(x, g.Use(norm), eps)
		}
		return graph.Rope(x, g.Use(m.rope), b.Pos, c.HeadDim)
	}
	x := graph.Gather(g.Use(m.embed), b.IDs)
	for i, l := range m.layers {
		h := graph.RMSNorm(x, g.Use(l.norm1), eps)
		q, k, v := rope(lin(l.q, h), l.qNorm), rope(lin(l.k, h), l.kNorm), lin(l.v, h)
		if b.Cache != nil {
			k = graph.StoreRows(b.Cache.K[i], k, b.Cache.Rows)
			v = graph.StoreRows(b.Cache.V[i], v, b.Cache.Rows)
		}
		x = graph.Add(x, lin(l.o, b.attention(q, k, v, attr)))
		h = graph.RMSNorm(x, g.Use(l.norm2), eps)
		x = graph.Keep(graph.Add(x, lin(l.down, graph.GatedAct(lin(l.gate, h), lin(l.up, h), graph.SiLU))))
	}
	return graph.RMSNorm(x, g.Use(m.norm), eps)
}

func (m *llama) Head(g *graph.Graph, h *graph.Node) *graph.Node {
	return graph.Linear(h, g.Use(m.head))
}

// loader reads named weights, keeping the first fault.
type loader struct {
	w   Weights
	err error
}

func (l *loader) get(name string, shape ...int) *tensor.Var {
	if l.err != nil {
		return nil
	}
	src, err := l.w.Tensor(name)
	if err != nil {
		l.err = err
		return nil
	}
	if got := src.Shape(); fmt.Sprint(got) != fmt.Sprint(shape) {
		l.err = fault.Inputf("model", "%s has shape %v, config.json wants %v", name, got, shape).Next("use the config.json that belongs to these weights")
		return nil
	}
	return tensor.NewVar(name, src)
}

// norm reads a small vector as F32, whatever it is stored in.
func (l *loader) norm(name string, n int) *tensor.Var {
	v := l.get(name, n)
	if v == nil || v.DType == tensor.F32 {
		return v
	}
	return l.small(v, n)
}

// bias reads one as F32 [n, 1].
func (l *loader) bias(name string, n int) *tensor.Var {
	v := l.get(name, n)
	if v == nil {
		return nil
	}
	return l.small(v, n, 1)
}

// small reads a vector into memory.
func (l *loader) small(v *tensor.Var, shape ...int) *tensor.Var {
	f, err := tensor.ReadF32(v.Init)
	if err != nil {
		l.err = err
		return nil
	}
	return tensor.FromF32(v.Name, f, shape...)
}

func lastPart(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '.' {
			return s[i+1:]
		}
	}
	return s
}
