package route

import (
	"handful/core/graph"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/tensor"
)

// IA3 scales: y = (x·Wᵀ) ⊙ l, or y = (x ⊙ l)·Wᵀ at a feed-forward site.
type IA3 struct {
	sites []string
	in    map[string]bool // feed-forward
	l     map[string]*tensor.Var
}

// NewIA3 makes variables of an (IA)³ adapter.
func NewIA3(s *skill.IA3) *IA3 {
	a := &IA3{sites: s.Sites, in: map[string]bool{}, l: map[string]*tensor.Var{}}
	for _, n := range s.Sites {
		a.in[n] = s.IsFeedforward(n)
		a.l[n] = tensor.FromF32(n+".ia3_l", s.Scale[n], len(s.Scale[n]))
	}
	return a
}

// Params are the vectors of all sites.
func (a *IA3) Params() (ps []Param) {
	for _, s := range a.sites {
		ps = append(ps, Param{s, a.l[s], false})
	}
	return ps
}

// Bind needs no rows.
func (a *IA3) Bind(*graph.Graph, *graph.Node) model.Adapter { return a }

// Input scales what a feed-forward site reads.
func (a *IA3) Input(g *graph.Graph, s model.Site, x *graph.Node) *graph.Node {
	if l := a.l[s.Name]; l != nil && a.in[s.Name] {
		return graph.ScaleCols(x, g.Use(l))
	}
	return x
}

// Apply scales what any other site gives.
func (a *IA3) Apply(g *graph.Graph, s model.Site, _, y, _ *graph.Node) *graph.Node {
	if l := a.l[s.Name]; l != nil && !a.in[s.Name] {
		return graph.ScaleCols(y, g.Use(l))
	}
	return y
}
