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
	Site   string
	Var    *tensor.Var
	Logits bool
}

// Poly routes: per site w = normalise(Z[row]), A and B mixed by w per task
// slot, y += (x·A_t)·B_t / r (METHOD A1). Heads cut A along its inputs and B
// along its outputs.
type Poly struct {
	splits, skills int
	scale          float32
	sites          []string
	a, b, z        map[string]*tensor.Var // [q,s,in/q,r], [q,s,r,out/q], [t,q·s]
}

// NewPoly makes variables of an inventory's skills and routers.
func NewPoly(inv *skill.Inventory) *Poly {
	p := &Poly{splits: inv.Splits, skills: inv.Skills, scale: 1 / float32(inv.Rank), sites: inv.Sites,
		a: map[string]*tensor.Var{}, b: map[string]*tensor.Var{}, z: map[string]*tensor.Var{}}
	for _, s := range inv.Sites {
		q, d := inv.Splits, inv.Dims[s]
		p.a[s] = tensor.FromF32(s+".poly_lora_A", inv.A[s], q, inv.Skills, d[0]/q, inv.Rank)
		p.b[s] = tensor.FromF32(s+".poly_lora_B", inv.B[s], q, inv.Skills, inv.Rank, d[1]/q)
		p.z[s] = tensor.FromF32(s+".poly_router.module_logits", inv.Logits[s], len(inv.Logits[s])/(q*inv.Skills), q*inv.Skills)
	}
	return p
}

// Params are A, B and Z of each site.
func (p *Poly) Params() (ps []Param) {
	for _, s := range p.sites {
		ps = append(ps, Param{s, p.a[s], false}, Param{s, p.b[s], false}, Param{s, p.z[s], true})
	}
	return ps
}

// Bind mixes A and B once per task slot of the batch.
func (p *Poly) Bind(g *graph.Graph, rows *graph.Node) model.Adapter { return &boundPoly{p, rows} }

type boundPoly struct {
	*Poly
	rows *graph.Node
}

func (p *boundPoly) Apply(g *graph.Graph, s model.Site, x, y, slot *graph.Node) *graph.Node {
	if p.a[s.Name] == nil {
		return y
	}
	w := graph.RouterNorm(graph.Gather(g.Use(p.z[s.Name]), p.rows), p.splits, p.skills)
	a := graph.Mix(w, g.Use(p.a[s.Name]), 0)
	b := graph.Mix(w, g.Use(p.b[s.Name]), 1)
	return graph.Add(y, graph.Routed(graph.Routed(x, a, slot, 1), b, slot, p.scale))
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

// Bind needs no rows.
func (l *LoRA) Bind(*graph.Graph, *graph.Node) model.Adapter { return l }

// Apply adds the product; a site without an adapter passes through.
func (l *LoRA) Apply(g *graph.Graph, s model.Site, x, y, slot *graph.Node) *graph.Node {
	if l.a[s.Name] == nil {
		return y
	}
	return graph.Add(y, graph.Routed(graph.Routed(x, g.Use(l.a[s.Name]), slot, 1), g.Use(l.b[s.Name]), slot, l.scale))
}
