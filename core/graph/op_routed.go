package graph

// KindMix mixes skills into one module per task slot (METHOD A1):
//
//	axis 0 (A): M[t, q·a+i, j] = Σ_s w[t,q,s] P[q,s,i,j]   → [t, Q·a, b]
//	axis 1 (B): M[t, i, q·b+j] = Σ_s w[t,q,s] P[q,s,i,j]   → [t, a, Q·b]
//
// w [t, Q, S], P [Q, S, a, b]; Attr is MixAttr. A is [Q, S, in/Q, r] with
// axis 0, B is [Q, S, r, out/Q] with axis 1.
//
//	dw[t,q,s] = ⟨dM[t, head q], P[q,s]⟩     (KindMixGradW)
//	dP[q,s]   = Σ_t w[t,q,s] dM[t, head q]  (KindMixGradP)
const (
	KindMix      Kind = "Mix"
	KindMixGradW Kind = "MixGradW" // In: dM, P → [t, Q, S]
	KindMixGradP Kind = "MixGradP" // In: w, dM → [Q, S, a, b]
)

// MixAttr is the attribute of the three Mix ops: along which axis of the
// module the heads lie.
type MixAttr struct{ Axis int }

// Mix mixes the skills P [Q, S, a, b] by w [t, Q, S].
func Mix(w, p *Node, axis int) *Node {
	want(KindMix, len(w.Shape) == 3 && len(p.Shape) == 4 && w.Shape[1] == p.Shape[0] && w.Shape[2] == p.Shape[1] && (axis == 0 || axis == 1),
		"w %v, P %v, axis %d; want [t Q S] and [Q S a b]", w.Shape, p.Shape, axis)
	q, a, b := p.Shape[0], p.Shape[2], p.Shape[3]
	shape := []int{w.Shape[0], q * a, b}
	if axis == 1 {
		shape = []int{w.Shape[0], a, q * b}
	}
	return w.g.add(KindMix, MixAttr{axis}, shape, w, p)
}

// KindRouted is y[n] = scale · x[n]·M[slot[n]]; slot < 0 gives zeros.
// x [n, a], M [t, a, b], slot I32 [n] → [n, b]; Attr is RoutedAttr.
//
//	dx = scale·dy·M[slot]ᵀ            (KindRoutedT)
//	dM[t] = scale·Σ_{slot[n]=t} x[n]ᵀ·dy[n]   (KindRoutedOuter)
const (
	KindRouted      Kind = "Routed"
	KindRoutedT     Kind = "RoutedT"     // In: y [n, b], M [t, a, b], slot → [n, a]
	KindRoutedOuter Kind = "RoutedOuter" // In: x [n, a], y [n, b], slot → [t, a, b]
)

// RoutedAttr is the attribute of the three Routed ops.
type RoutedAttr struct{ Scale float32 }

// Routed is scale·x·M[slot], row by row.
func Routed(x, m, slot *Node, scale float32) *Node {
	want(KindRouted, len(x.Shape) == 2 && len(m.Shape) == 3 && x.Shape[1] == m.Shape[1] && isIndex(slot, x.Shape[0]),
		"x %v, M %v, slot %v; want [n a], [t a b], [n]", x.Shape, m.Shape, slot.Shape)
	return x.g.add(KindRouted, RoutedAttr{scale}, []int{x.Shape[0], m.Shape[2]}, x, m, slot)
}

// RoutedT is scale·y·M[slot]ᵀ, row by row.
func RoutedT(y, m, slot *Node, scale float32) *Node {
	want(KindRoutedT, len(y.Shape) == 2 && len(m.Shape) == 3 && y.Shape[1] == m.Shape[2] && isIndex(slot, y.Shape[0]),
		"y %v, M %v, slot %v; want [n b], [t a b], [n]", y.Shape, m.Shape, slot.Shape)
	return y.g.add(KindRoutedT, RoutedAttr{scale}, []int{y.Shape[0], m.Shape[1]}, y, m, slot)
}

// RoutedOuter is Σ_n scale·x[n]ᵀ·y[n], gathered per slot into t modules.
func RoutedOuter(x, y, slot *Node, t int, scale float32) *Node {
	want(KindRoutedOuter, len(x.Shape) == 2 && len(y.Shape) == 2 && x.Shape[0] == y.Shape[0] && isIndex(slot, x.Shape[0]),
		"x %v, y %v, slot %v", x.Shape, y.Shape, slot.Shape)
	return x.g.add(KindRoutedOuter, RoutedAttr{scale}, []int{t, x.Shape[1], y.Shape[1]}, x, y, slot)
}

// KindOuter is Aᵀ·B: a [n, p], b [n, q] → [p, q], the gradient of a dense
// weight.
const KindOuter Kind = "Outer"

// Outer is aᵀ·b.
func Outer(a, b *Node) *Node {
	want(KindOuter, len(a.Shape) == 2 && len(b.Shape) == 2 && a.Shape[0] == b.Shape[0], "a %v, b %v", a.Shape, b.Shape)
	return a.g.add(KindOuter, nil, []int{a.Shape[1], b.Shape[1]}, a, b)
}

func init() {
	registerVJP(KindMix, func(n, dy *Node, need []bool) []*Node {
		w, p := n.In[0], n.In[1]
		out := make([]*Node, 2)
		if need[0] {
			out[0] = n.g.add(KindMixGradW, n.Attr, w.Shape, dy, p)
		}
		if need[1] {
			out[1] = n.g.add(KindMixGradP, n.Attr, p.Shape, w, dy)
		}
		return out
	})
	registerVJP(KindRouted, func(n, dy *Node, need []bool) []*Node {
		x, m, slot, s := n.In[0], n.In[1], n.In[2], n.Attr.(RoutedAttr).Scale
		out := make([]*Node, 3)
		if need[0] {
			out[0] = RoutedT(dy, m, slot, s)
		}
		if need[1] {
			out[1] = RoutedOuter(x, dy, slot, m.Shape[0], s)
		}
		return out
	})
}
