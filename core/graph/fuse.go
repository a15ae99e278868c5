package graph

// fuse rewrites the nodes that outs need: sums around a product become the
// product's epilogue, so that a routed LoRA costs no pass over y of its own.
//
//	Add(Linear(x, W), Routed(h, M, slot))  → Linear{Routed}
//	Add(Linear, other)                     → Linear{Add: other}
//	Add(Add(u, Routed), Linear)            → Linear{Routed, Add: u}
//
// and the same for LinearT with RoutedT, which is the backward pass. A node is
// absorbed only when nothing else reads it and it is no output. The result
// maps each needed old node to its new one; a rewritten Add takes the place of
// what it absorbed.
func fuse(nodes []*Node, outs []*Node) map[*Node]*Node {
	uses := map[*Node]int{}
	for _, n := range nodes {
		for _, in := range n.In {
			uses[in]++
		}
	}
	for _, o := range outs {
		uses[o] += 2
	}
	f := &fuser{uses: map[*Node]int{}, to: map[*Node]*Node{}}
	for _, n := range nodes {
		m := n
		if n.Kind == KindAdd {
			a, b := f.to[n.In[0]], f.to[n.In[1]]
			if r := f.host(n, b, a); r != nil {
				m = r
			} else if r := f.host(n, a, b); r != nil {
				m = r
			}
		}
		if m == n {
			m = n.with(f.to)
		}
		f.to[n] = m
		f.uses[m] = uses[n]
	}
	return f.to
}

type fuser struct {
	uses map[*Node]int // by rewritten node
	to   map[*Node]*Node
}

// with is n reading the rewritten inputs; n itself when nothing changed.
func (n *Node) with(to map[*Node]*Node) *Node {
	same := true
	for _, in := range n.In {
		same = same && to[in] == in
	}
	if same {
		return n
	}
	c := *n
	c.In = make([]*Node, len(n.In))
	for i, in := range n.In {
		c.In[i] = to[in]
	}
	return &c
}

// routedOf names the routed op that fits a linear op's epilogue.
func routedOf(k Kind) Kind {
	switch k {
	case KindLinear:
		return KindRouted
	case KindLinearT:
		return KindRoutedT
	}
	return ""
}

// host tries to make lin + other one node standing for sum.
func (f *fuser) host(sum, lin, other *Node) *Node {
	routed := routedOf(lin.Kind)
	if routed == "" || f.uses[lin] != 1 {
		return nil
	}
	a := lin.Attr.(LinearAttr)
	in := append([]*Node(nil), lin.In...)
	single := func(n *Node, k Kind) bool { return n.Kind == k && f.uses[n] == 1 }
	addRouted := func(r *Node) {
		a.Routed, a.Scale = true, r.Attr.(RoutedAttr).Scale
		in = append(in[:2:2], append(append([]*Node(nil), r.In...), in[2:]...)...)
	}
	switch {
	case !a.Routed && single(other, routed):
		addRouted(other)
	case !a.Routed && !a.Add && single(other, KindAdd) && single(other.In[1], routed):
		addRouted(other.In[1])
		a.Add, in = true, append(in, other.In[0])
	case !a.Add:
		a.Add, in = true, append(in, other)
	default:
		return nil
	}
	c := *sum
	c.Kind, c.Attr, c.In = lin.Kind, a, in
	return &c
}
