package graph

import "slices"

// Store says which values of the way forward stay in memory for the way back;
// the others are computed a second time, just before they are read. The numbers
// are the same bit for bit.
type Store int

const (
	// StoreAll keeps every value that the way back reads.
	StoreAll Store = iota
	// StoreProducts keeps results of products and of attention, but not what is
	// cheap to have again: norms, activations, scaled columns.
	StoreProducts
	// StoreBlocks keeps only what the model marks by Keep, which is its blocks'
	// results: the least memory, for one more pass forward.
	StoreBlocks
)

func (s Store) String() string { return [...]string{"all", "products", "blocks"}[s] }

// cheap ops pass over memory once or twice.
var cheap = map[Kind]bool{KindRMSNorm: true, KindGatedAct: true, KindReLU: true, KindScaleCols: true}

// Keep marks a value that StoreBlocks keeps, and gives it back.
func Keep(n *Node) *Node {
	n.kept = true
	return n
}

func (s Store) keeps(n *Node) bool {
	switch {
	case n.kept || n.Kind == KindInput || n.Kind == KindVar || n.Kind == KindFill || n.Effect():
		return true
	case s == StoreProducts:
		return !cheap[n.Kind]
	}
	return s == StoreAll
}

// again computes values of the way forward a second time, each once.
type again struct {
	store Store
	of    map[*Node]*Node
}

// node is what the way back reads in place of n.
func (a *again) node(n *Node) *Node {
	if a.store.keeps(n) {
		return n
	}
	if c := a.of[n]; c != nil {
		return c
	}
	in := make([]*Node, len(n.In))
	for i, m := range n.In {
		in[i] = a.node(m)
	}
	c := n.g.add(n.Kind, n.Attr, n.Shape, in...)
	a.of[n] = c
	return c
}

// vjp emits f's nodes, which read again what is not kept. What they do not read
// after all is no part of a plan.
func (a *again) vjp(f VJP, n, dy *Node, need []bool) []*Node {
	for _, m := range append(n.In[:len(n.In):len(n.In)], n) {
		a.node(m)
	}
	from := len(n.g.nodes)
	out := f(n, dy, need)
	for _, m := range n.g.nodes[from:] {
		m.In = slices.Clone(m.In) // which may be n's own
		for i, in := range m.In {
			if c := a.of[in]; c != nil {
				m.In[i] = c
			}
		}
	}
	return out
}
