package route

import (
	"handful/core/graph"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/tensor"
)

// Poly routes: per site w = select(Z[row]), A and B mixed by w per task slot,
// y += (x·A_t)·B_t / r (METHOD A1). Heads cut A along its inputs and B along
// its outputs.
type Poly struct {
	// Sampled makes Bind add noise to the logits, a sample for each site and
	// slot (mttl module_logits_relaxed_bernoulli): for training only.
	Sampled bool

	config skill.Config
	scale  float32
	sites  []string
	keys   []string               // of routers, in order of their first site
	key    map[string]string      // site → its router's key
	a, b   map[string]*tensor.Var // by site: [q,s,in/q,r], [q,s,r,out/q]
	z      map[string]*tensor.Var // by key: [t,q·s]
	first  map[string]string      // key → its first site
}

// NewPoly makes variables of an inventory's skills, and of its routers: one for
// each group of sites, which starts from the mean of their logits.
func NewPoly(inv *skill.Inventory) *Poly {
	p := &Poly{config: inv.Config, scale: 1 / float32(inv.Rank), sites: inv.Sites, key: map[string]string{}, first: map[string]string{},
		a: map[string]*tensor.Var{}, b: map[string]*tensor.Var{}, z: map[string]*tensor.Var{}}
	q, k := inv.Splits, inv.Skills
	for _, s := range inv.Sites {
		d := inv.Dims[s]
		p.a[s] = tensor.FromF32(s+".poly_lora_A", inv.A[s], q, k, d[0]/q, inv.Rank)
		p.b[s] = tensor.FromF32(s+".poly_lora_B", inv.B[s], q, k, inv.Rank, d[1]/q)
	}
	keys, sites := inv.Groups()
	p.keys = keys
	for _, key := range keys {
		z := inv.Shared(sites[key])
		p.z[key] = tensor.FromF32(key+".poly_router.module_logits", z, len(z)/(q*k), q*k)
		p.first[key] = sites[key][0]
		for _, s := range sites[key] {
			p.key[s] = key
		}
	}
	return p
}

// Params are A and B of each site and Z of each router, which stands at its
// first site.
func (p *Poly) Params() (ps []Param) {
	for _, s := range p.sites {
		ps = append(ps, Param{s, p.a[s], false}, Param{s, p.b[s], false})
		if k := p.key[s]; p.first[k] == s {
			ps = append(ps, Param{k, p.z[k], true})
		}
	}
	return ps
}

// Vars are a site's variables; sites that share a router have the same z.
func (p *Poly) Vars(site string) (a, b, z *tensor.Var) { return p.a[site], p.b[site], p.z[p.key[site]] }

// Plain is the same adapter, on the same variables, without samples.
func (p *Poly) Plain() *Poly {
	plain := *p
	plain.Sampled = false
	return &plain
}

// Bind mixes A and B once per task slot of the batch.
func (p *Poly) Bind(g *graph.Graph, rows *graph.Node) model.Adapter {
	bound := &Bound{Poly: p, rows: rows, logits: map[string]*graph.Node{}, shared: map[string]*graph.Node{}, at: map[string]int{}}
	if p.Sampled {
		slots := rows.Shape[0]
		bound.Noise = g.Input("noise", tensor.F32, len(p.sites)*slots, p.config.Splits*p.config.Skills)
		for i, s := range p.sites {
			bound.at[s] = i * slots
		}
	}
	return bound
}

// Bound is a Poly in a graph.
type Bound struct {
	*Poly
	Noise  *graph.Node // F32 [sites·slots, q·s], written before each run; nil unless Sampled
	rows   *graph.Node
	logits map[string]*graph.Node // by key: [slots, q·s]
	shared map[string]*graph.Node // by key: weights [slots, q, s] of all its sites
	at     map[string]int         // a site's first row of the noise
}

// Apply adds the mixture's product; a site without an adapter passes through.
func (p *Bound) Apply(g *graph.Graph, s model.Site, x, y, slot *graph.Node) *graph.Node {
	if p.a[s.Name] == nil {
		return y
	}
	w := p.weights(g, s.Name)
	a := graph.Mix(w, g.Use(p.a[s.Name]), 0)
	b := graph.Mix(w, g.Use(p.b[s.Name]), 1)
	return graph.Add(y, graph.Routed(graph.Routed(x, a, slot, 1), b, slot, p.scale))
}

// weights are a site's, [slots, q, s]: the router's own where its sites share
// them, a sample of its own for each site where routes are sampled.
func (p *Bound) weights(g *graph.Graph, site string) *graph.Node {
	key := p.key[site]
	if w := p.shared[key]; w != nil {
		return w
	}
	if p.logits[key] == nil {
		p.logits[key] = graph.Gather(g.Use(p.z[key]), p.rows)
	}
	w := graph.Select(p.logits[key], p.Noise, graph.RouterAttr{Splits: p.config.Splits, Skills: p.config.Skills, Selector: p.config.Selector, At: p.at[site]})
	if p.Noise == nil {
		p.shared[key] = w
	}
	return w
}
