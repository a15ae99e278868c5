package graph

// KindAdd is y = a + b, element by element.
// dy/da = dy/db = 1.
const KindAdd Kind = "Add"

// Add is a + b for equal shapes.
func Add(a, b *Node) *Node {
	want(KindAdd, sameShape(a, b), "shapes %v and %v differ", a.Shape, b.Shape)
	return a.g.add(KindAdd, nil, a.Shape, a, b)
}

// KindScaleBy is y = a·s for a scalar s [1].
// da = dy·s, ds = Σ dy·a.
const KindScaleBy Kind = "ScaleBy"

// ScaleBy multiplies a by the scalar node s [1].
func ScaleBy(a, s *Node) *Node {
	want(KindScaleBy, s.Numel() == 1, "factor has shape %v, want [1]", s.Shape)
	return a.g.add(KindScaleBy, nil, a.Shape, a, s)
}

// KindDot is y [1] = Σ a·b over all elements.
// d/da = b·dy, d/db = a·dy.
const KindDot Kind = "Dot"

// Dot is the sum of products of equally shaped a and b, [1].
func Dot(a, b *Node) *Node {
	want(KindDot, sameShape(a, b), "shapes %v and %v differ", a.Shape, b.Shape)
	return a.g.add(KindDot, nil, []int{1}, a, b)
}

func init() {
	registerVJP(KindAdd, func(n, dy *Node, need []bool) []*Node { return []*Node{dy, dy} })
	registerVJP(KindScaleBy, func(n, dy *Node, need []bool) []*Node {
		out := make([]*Node, 2)
		if need[0] {
			out[0] = ScaleBy(dy, n.In[1])
		}
		if need[1] {
			out[1] = Dot(dy, n.In[0])
		}
		return out
	})
	registerVJP(KindDot, func(n, dy *Node, need []bool) []*Node {
		out := make([]*Node, 2)
		for i := range out {
			if need[i] {
				out[i] = ScaleBy(n.In[1-i], dy)
			}
		}
		return out
	})
}
