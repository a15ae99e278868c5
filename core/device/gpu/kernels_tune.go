package gpu

import (
	"context"

	"github.com/gogpu/wgpu"

	"handful/core/graph"
	"handful/shaders"
)

// crossEntropy queues crossentropy.wgsl.
func (p *program) crossEntropy(ctx context.Context, n *graph.Node, in []*value, out *value) {
	rows, vocab, smooth := in[0].shape[0], in[0].shape[1], n.Attr.(graph.CrossEntropyAttr).Smooth
	v, kinds, bs := shaders.Vars{}, "rr-wu", []*wgpu.Buffer{buf(in[0]), buf(in[1]), nil, buf(out)}
	if n.Kind == graph.KindCrossEntropyGrad {
		v, kinds, bs[2] = flags("GRAD"), "rrrwu", buf(in[2])
	}
	if smooth != 0 {
		v["SMOOTH"] = "1"
	}
	p.rows(ctx, "crossentropy", kinds, v, rows, vocab, []any{rows, vocab, smooth}, bs...)
}

// groupSum queues groupsum.wgsl.
func (p *program) groupSum(ctx context.Context, n *graph.Node, in []*value, out *value) {
	if n.Kind == graph.KindGroupSumGrad {
		w, of, dy := in[0], in[1], in[2]
		values, groups := w.shape[0], cols(append([]int{1}, dy.shape...))
		p.add(p.kernel(ctx, "groupsum", "rrrwu", flags("GRAD")), values, 64, []any{groups, values, 0, values}, buf(dy), buf(w), buf(of), buf(out))
		return
	}
	values, v := in[0].shape[0], shaders.Vars{}
	for lo := 0; lo < values; lo += most {
		p.add(p.kernel(ctx, "groupsum", "rrrwu", v), n.Numel(), 64, []any{n.Numel(), values, lo, min(lo+most, values)}, buf(in[0]), buf(in[1]), buf(in[2]), buf(out))
		v = flags("ADD")
	}
}

// adafactorParts bounds the sums that each thread of the update adds up.
const adafactorParts = 64

// adafactor queues adafactor_state.wgsl for the averages, then adafactor.wgsl
// for the sums and the update.
func (p *program) adafactor(ctx context.Context, n *graph.Node, in []*value) error {
	a, size := n.Attr.(graph.AdafactorAttr), n.Numel()
	w, row, rest := in[0], in[1], in[2:]
	var col, mean *wgpu.Buffer
	if a.Factored {
		col, rest = buf(rest[0]), rest[1:]
	}
	g, norm, h := buf(rest[0]), buf(rest[1]), buf(rest[2])
	params := func(n int) []any { return []any{n, a.Rows, a.Cols} }
	p.rows(ctx, "adafactor_state", "rrrwu", flags("ROW"), a.Blocks*a.Rows, a.Cols, params(a.Blocks*a.Rows), g, norm, h, buf(row))
	kinds := []string{"rr--rrrwu", "wr--rrrru"}
	v := []shaders.Vars{flags("SUMS"), flags("UPDATE")}
	if a.Factored {
		p.rows(ctx, "adafactor_state", "rrrwu", flags("COL"), a.Blocks*a.Cols, a.Rows, params(a.Blocks*a.Cols), g, norm, h, col)
		var err error
		if mean, err = p.own("Adafactor means", 4*a.Blocks); err != nil {
			return err
		}
		p.rows(ctx, "adafactor_state", "r--wu", flags("MEAN"), a.Blocks, a.Rows, params(a.Blocks), buf(row), nil, nil, mean)
		kinds = []string{"rrrrrrrwu", "wrrrrrrru"}
		v[0]["FACTORED"], v[1]["FACTORED"] = "1", "1"
	}
	step := max(2048, (size+adafactorParts-1)/adafactorParts)
	parts := (size + step - 1) / step
	sums, err := p.own("Adafactor sums", 8*parts)
	if err != nil {
		return err
	}
	all := []any{size, a.Rows, a.Cols, step, parts}
	bs := []*wgpu.Buffer{buf(w), buf(row), col, mean, g, norm, h, sums}
	p.add(p.kernel(ctx, "adafactor", kinds[0], v[0]), parts, 1, all, bs...)
	p.add(p.kernel(ctx, "adafactor", kinds[1], v[1]), size, 64, all, bs...)
	return nil
}
