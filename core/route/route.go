// Package route holds the adapters of the paper as graph builders: a routed
// inventory of skills (Poly, MHR) and a single LoRA, which is what a fixed
// routing collapses to.
package route

import (
	"handful/core/graph"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/tensor"
)

// Adapter is a set of variables that can be bound to graphs. rows I32 [t] is
// the table row of each task slot (−1: unused); a single LoRA ignores it.
type Adapter interface {
	Bind(g *graph.Graph, rows *graph.Node) model.Adapter
	Params() []Param // all variables, in site order
}

// Param is a variable of an adapter; logits learn at a rate of their own.
type Param struct {
	Site   string // of shared logits the router's key, see skill.Granularity
	Var    *tensor.Var
	Logits bool
}

// LoRA is one low-rank adapter: y += alpha/r·(x·A)·B, every token in slot 0.
type LoRA struct {
	scale float32
	sites []string
	a, b  map[string]*tensor.Var // [1,in,r], [1,r,out]
}

// NewLoRA makes variables of a single adapter; alpha is 1 for every stored one.
func NewLoRA(s *skill.Single, alpha float32) *LoRA {
	l := &LoRA{scale: alpha / float32(s.Rank), sites: s.Sites, a: map[string]*tensor.Var{}, b: map[string]*tensor.Var{}}
	for _, n := range s.Sites {
		d := s.Dims[n]
		l.a[n] = tensor.FromF32(n+".lora_A", s.A[n], 1, d[0], s.Rank)
		l.b[n] = tensor.FromF32(n+".lora_B", s.B[n], 1, s.Rank, d[1])
	}
	return l
}

// Params are A and B of each site.
func (l *LoRA) Params() (ps []Param) {
	for _, s := range l.sites {
		ps = append(ps, Param{s, l.a[s], false}, Param{s, l.b[s], false})
	}
	return ps
}

// Vars are a site's variables.
func (l *LoRA) Vars(site string) (a, b *tensor.Var) { return l.a[site], l.b[site] }

// Bind needs no rows.
func (l *LoRA) Bind(*graph.Graph, *graph.Node) model.Adapter { return l }

// Apply adds the product; a site without an adapter passes through.
func (l *LoRA) Apply(g *graph.Graph, s model.Site, x, y, slot *graph.Node) *graph.Node {
	if l.a[s.Name] == nil {
		return y
	}
	return graph.Add(y, graph.Routed(graph.Routed(x, g.Use(l.a[s.Name]), slot, 1), g.Use(l.b[s.Name]), slot, l.scale))
}
