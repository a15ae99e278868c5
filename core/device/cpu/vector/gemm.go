//go:build amd64 || arm64

package vector

import "sync"

// A tile of C is mr rows and nr columns. Blocks are kc deep, so that a strip of
// B stays in the first-level cache, and mc·kc, nc·kc elements large, which
// bounds the packed copies.
const (
	mr, nr = 6, 16
	kc     = 384
	mc     = 170 * mr
	nc     = 128 * nr

	job = 16 // strips of A that a worker takes at a time
)

// Matrix is a row-major matrix whose rows are Stride elements apart. Where T is
// set, it stands for its transpose.
type Matrix struct {
	Data   []float32
	Stride int
	T      bool
}

// Gemm is C [m, n] = alpha·A·B, or C += where acc is set, for A [m, k] and
// B [k, n]; rows of c are ldc elements apart. each runs jobs 0..n-1, perhaps at
// the same time. C must not overlap A or B.
func Gemm(m, n, k int, alpha float32, a, b Matrix, acc bool, c []float32, ldc int, each func(n int, f func(job int))) {
	if m < few && !(a.T && b.T) || n < few*2 && b.T && !a.T {
		product(m, n, k, alpha, a, b, acc, c, ldc, each)
		return
	}
	if n == 0 {
		return
	}
	pa, pb := strips(min(m, mc), mr, min(k, kc)), strips(min(n, nc), nr, min(k, kc))
	defer pool.Put(pa)
	defer pool.Put(pb)
	for jc := 0; jc < n; jc += nc {
		cols := min(nc, n-jc)
		for pc := 0; pc < k || pc == 0; pc += kc {
			depth := min(kc, k-pc)
			nb := (cols + nr - 1) / nr
			each(nb, func(s int) {
				pack(pb.f[s*(nr*depth+spill):], nr, b, !b.T, jc+s*nr, min(nr, cols-s*nr), n-jc-s*nr, pc, depth)
			})
			for ic := 0; ic < m; ic += mc {
				rows := min(mc, m-ic)
				na := (rows + mr - 1) / mr
				each(na, func(s int) {
					pack(pa.f[s*(mr*depth+spill):], mr, a, a.T, ic+s*mr, min(mr, rows-s*mr), m-ic-s*mr, pc, depth)
				})
				g := grid{rows: rows, cols: cols, depth: depth, a: pa.f, b: pb.f, c: c[ic*ldc+jc:], ldc: ldc, alpha: alpha, acc: acc || pc > 0}
				across, down := (nb+job-1)/job, (na+job-1)/job
				each(across*down, func(j int) { g.run(j%down*job, j/down*job) })
			}
		}
	}
}

// grid is one block's tiles.
type grid struct {
	rows, cols, depth int
	a, b, c           []float32
	ldc               int
	alpha             float32
	acc               bool
}

// run does the tiles of up to job strips of A by job strips of B, from sa and sb.
func (g *grid) run(sa, sb int) {
	for t := sb; t < sb+job && t*nr < g.cols; t++ {
		for s := sa; s < sa+job && s*mr < g.rows; s++ {
			g.tile(s, t)
		}
	}
}

func (g *grid) tile(s, t int) {
	a, b := &g.a[s*(mr*g.depth+spill)], &g.b[t*(nr*g.depth+spill)]
	c := g.c[s*mr*g.ldc+t*nr:]
	rows, cols := min(mr, g.rows-s*mr), min(nr, g.cols-t*nr)
	if rows == mr && cols == nr {
		tile(g.depth, a, b, &c[0], g.ldc, g.alpha, g.acc)
		return
	}
	var edge [mr * nr]float32
	tile(g.depth, a, b, &edge[0], nr, g.alpha, false)
	for i := range rows {
		from, to := edge[i*nr:i*nr+cols], c[i*g.ldc:i*g.ldc+cols]
		if !g.acc {
			copy(to, from)
			continue
		}
		for j, x := range from {
			to[j] += x
		}
	}
}

// pack lays a strip out for tile: depth groups of width elements, zero beyond
// have. reach is how many rows or columns the matrix has from at on. along tells
// that a group's elements lie side by side in the matrix. What lies up to spill
// elements behind the strip is overwritten.
func pack(to []float32, width int, m Matrix, along bool, at, have, reach, depth0, depth int) {
	if along {
		for p := range depth {
			group := to[p*width : (p+1)*width]
			copy(group, m.Data[(depth0+p)*m.Stride+at:][:have])
			clear(group[have:])
		}
		return
	}
	for i := 0; i < width; i += 8 {
		part, whole := min(8, width-i), 0
		if i+part <= have && i+8 <= reach {
			whole = depth / 8
		}
		if whole > 0 {
			transpose(whole, &m.Data[(at+i)*m.Stride+depth0], m.Stride, &to[i], width)
		}
		for j := i; j < i+part; j++ {
			if j >= have {
				for p := range depth {
					to[p*width+j] = 0
				}
				continue
			}
			row := m.Data[(at+j)*m.Stride+depth0:][:depth]
			for p := whole * 8; p < depth; p++ {
				to[p*width+j] = row[p]
			}
		}
	}
}

// spill is by how much transposing eight rows reaches behind a strip of six.
const spill = 8 - mr

type scratch struct{ f []float32 }

var pool = sync.Pool{New: func() any { return new(scratch) }}

// strips is room for so many rows or columns, in strips of width, depth deep.
func strips(n, width, depth int) *scratch {
	s := pool.Get().(*scratch)
	if size := (n + width - 1) / width * (width*depth + spill); len(s.f) < size {
		s.f = make([]float32, size)
	}
	return s
}
