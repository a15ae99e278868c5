package graph

// KindScaleCols is y[i,j] = x[i,j]·s[j]: one factor a column, for every row
// alike. x [n, d], s [d] → y [n, d]. The vectors of (IA)³.
//
//	dx = dy ⊙ s (KindScaleCols),  ds[j] = Σ_i dy[i,j]·x[i,j] (KindScaleColsGradS)
const (
	KindScaleCols      Kind = "ScaleCols"
	KindScaleColsGradS Kind = "ScaleColsGradS" // In: x, dy → [d]
)

// ScaleCols multiplies the columns of x [n, d] by s [d].
func ScaleCols(x, s *Node) *Node {
	want(KindScaleCols, len(x.Shape) == 2 && s.Numel() == x.Shape[1], "x %v, s %v", x.Shape, s.Shape)
	return x.g.add(KindScaleCols, nil, x.Shape, x, s)
}

func init() {
	registerVJP(KindScaleCols, func(n, dy *Node, need []bool) []*Node {
		x, s := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = ScaleCols(dy, s)
		}
		if need[1] {
			out[1] = n.g.add(KindScaleColsGradS, nil, s.Shape, x, dy)
		}
		return out
	})
}
