package gpu

import (
	"context"
	"strconv"
	"strings"

	"github.com/gogpu/wgpu"

	"handful/core/graph"
	"handful/core/tensor"
	"handful/shaders"
)

// tile is what a workgroup of a product computes: wide × high threads of
// rows × cols elements each, with at most so many fours of x and W a round.
type tile struct{ wide, high, rows, cols, fours int }

// tile picks by adapter and by the rows of x. SwiftShader checks every read, so
// large tiles and long rounds pay, where there is much to compute: compilers, Mesa's
// above all, take long for them. Few threads a workgroup keep small products on all
// cores.
func (d *Device) tile(rows int) tile {
	t := tile{8, 8, 8, 8, 1}
	switch swift := strings.Contains(strings.ToLower(d.info.Name), "swiftshader"); {
	case d.info.Family == familyTiled:
		t = tile{8, 8, 4, 4, 1}
	case swift && rows > 128:
		t = tile{4, 2, 32, 24, 2}
	case swift && rows > 16:
		t = tile{4, 2, 32, 16, 1}
	case swift:
		t = tile{4, 2, 8, 16, 1}
	}
	return t
}

// into sets the constants of linear_register.wgsl.
func (t tile) into(v shaders.Vars) {
	for name, n := range map[string]int{"WIDE": t.wide, "HIGH": t.high, "ROWS": t.rows, "FOURS": t.cols / 4, "SUMS": t.rows * t.cols} {
		v[name] = strconv.Itoa(n)
	}
}

// fours is how many fours of rows of x [m, ldx] a round of a product takes: two
// where rows of x and of each piece of w are whole eights and begin so, one where
// they are whole fours, else none.
func fours(w *value, ldx, ldy int, forward bool) int {
	if !forward && ldy%4 != 0 {
		return 0
	}
	all := ldx
	for _, pc := range w.pieces {
		if !forward {
			all |= pc.lo | pc.hi
		}
	}
	switch {
	case all%8 == 0:
		return 2
	case all%4 == 0:
		return 1
	}
	return 0
}

// linear queues a product, piece by piece where the weight is split: pieces of
// W's rows are columns of y (forward) or parts of the inner sum (backward).
func (p *program) linear(ctx context.Context, n *graph.Node, in []*value, out *value) {
	a := n.Attr.(graph.LinearAttr)
	x, w, forward := in[0], in[1], n.Kind == graph.KindLinear
	v := weightVars(w.dt)
	kinds := []byte("rrwu----")
	bs := make([]*wgpu.Buffer, 8)
	bs[0], bs[2] = buf(x), buf(out)
	tasks, rank := 0, 0
	rest := in[2:]
	if a.Routed {
		v["ROUTED"] = "1"
		copy(kinds[5:], "rrr")
		bs[5], bs[6], bs[7] = buf(rest[0]), buf(rest[1]), buf(rest[2])
		tasks, rank = rest[1].shape[0], rest[0].shape[1]
		rest = rest[3:]
	}
	if a.Add {
		v["ADD"] = "1"
		kinds[4] = 'r'
		bs[4] = buf(rest[0])
	}
	if !forward {
		v["TRANSPOSED"] = "1"
	}
	rows, ldx, ldy := x.shape[0], x.shape[1], n.Shape[1]
	t := p.d.tile(rows)
	if p.d.info.Family == familyRegister {
		t.into(v)
		if each := min(t.fours, fours(w, ldx, ldy, forward)); each > 0 {
			v["VEC"], v["EACH"] = "1", strconv.Itoa(each)
			if w.dt == tensor.F32 {
				v["W4"] = "1"
			}
		}
	}
	pl := p.kernel(ctx, "linear_"+p.d.info.Family, string(kinds), v)
	for i, pc := range w.pieces {
		last := 0
		if i == len(w.pieces)-1 || forward {
			last = 1
		}
		cols, inner, x0, y0, acc := pc.hi-pc.lo, ldx, 0, pc.lo, 0
		if !forward {
			cols, inner, x0, y0 = ldy, pc.hi-pc.lo, pc.lo, 0
			if i > 0 {
				acc = 1
			}
		}
		bs := append([]*wgpu.Buffer(nil), bs...)
		bs[1] = pc.buf
		tx, ty := t.wide*t.cols, t.high*t.rows
		p.addLinear(pl, uint32((cols+tx-1)/tx), uint32((rows+ty-1)/ty), []any{rows, cols, inner, ldx, ldy, x0, y0, acc, last, tasks, rank, a.Scale}, bs)
	}
}

// addLinear is addGrid with the uniform at binding 3.
func (p *program) addLinear(pl *pipeline, x, y uint32, params []any, bs []*wgpu.Buffer) {
	p.addGrid(pl, x, y, params, bs...)
	p.pending[len(p.pending)-1].uniform = 3
}
