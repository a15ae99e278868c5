package graph

import "handful/core/tensor"

// KindGather is y[i] = table[rows[i]]; rows[i] < 0 or ≥ V gives zeros.
// table [V, d] of any dtype, rows I32 [n] → y [n, d].
// dtable = Scatter(dy, rows, V).
const KindGather Kind = "Gather"

// Gather picks rows of a table: token embeddings, label rows, task rows.
func Gather(table, rows *Node) *Node {
	want(KindGather, len(table.Shape) == 2 && rows.DType == tensor.I32 && len(rows.Shape) == 1,
		"table %v, rows %v %v; want [V d] and I32 [n]", table.Shape, rows.DType, rows.Shape)
	return table.g.add(KindGather, nil, []int{rows.Shape[0], table.Shape[1]}, table, rows)
}

// KindScatter is y[v] = Σ over i with rows[i] = v of x[i]; rows[i] < 0 is
// skipped. x [n, d], rows I32 [n] → y [V, d]. The sum runs in order of i.
const KindScatter Kind = "Scatter"

// Scatter adds rows into a table of zeros of V rows.
func Scatter(x, rows *Node, v int) *Node {
	want(KindScatter, len(x.Shape) == 2 && isIndex(rows, x.Shape[0]), "x %v, rows %v", x.Shape, rows.Shape)
	return x.g.add(KindScatter, nil, []int{v, x.Shape[1]}, x, rows)
}

// KindStoreRows writes rows of x into a variable: cache[rows[i]] = x[i];
// rows[i] < 0 is skipped. Its value is the variable after the write, so that
// readers of the result run after it. The key/value cache of generation.
const KindStoreRows Kind = "StoreRows"

// StoreRows writes x [n, d] into rows I32 [n] of cache [m, d].
func StoreRows(cache *tensor.Var, x, rows *Node) *Node {
	want(KindStoreRows, len(cache.Shape) == 2 && cache.DType == tensor.F32 && len(x.Shape) == 2 &&
		x.Shape[1] == cache.Shape[1] && isIndex(rows, x.Shape[0]), "cache %v, x %v, rows %v", cache.Shape, x.Shape, rows.Shape)
	n := x.g.add(KindStoreRows, nil, cache.Shape, x.g.Use(cache), x, rows)
	n.Var = cache
	return n
}

func init() {
	registerVJP(KindGather, func(n, dy *Node, need []bool) []*Node {
		return []*Node{Scatter(dy, n.In[1], n.In[0].Shape[0]), nil}
	})
	registerVJP(KindScatter, func(n, dy *Node, need []bool) []*Node {
		return []*Node{Gather(dy, n.In[1]), nil}
	})
}
