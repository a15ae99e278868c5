package devicetest

import (
	"context"
	"fmt"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/tensor"
)

// oddRows draws n rows of a table of v: some are no row, one is outside.
func (b *Build) oddRows(n, v int) []int32 {
	r := b.Slots(n, v)
	if n > 2 {
		r[1] = r[0]
	}
	return r
}

func gatherCases() (cs []Case) {
	for _, dt := range DTypes {
		for i, n := range sizes {
			v, d := sizes[len(sizes)-1-i], whole(dt, 32*(i+1))
			if !dt.Quantised() {
				d = sizes[(i+3)%len(sizes)]
			}
			cs = append(cs, compare(fmt.Sprintf("gather %v %d rows of %dx%d", dt, n, v, d), Tight, func(b *Build) []*graph.Node {
				return []*graph.Node{graph.Gather(b.Weight(dt, v, d), b.Ints(b.oddRows(n, v)...))}
			}))
		}
	}
	for _, s := range [][3]int{{1, 1, 1}, {33, 7, 65}, {127, 3, 33}, {7, 127, 96}, {manyRows, 5, 2}} {
		n, v, d := s[0], s[1], s[2]
		at := fmt.Sprintf(" %d rows, table %dx%d", n, v, d)
		cs = append(cs,
			compare("gather and gradient"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Gather(b.Param(v, d), b.Ints(b.oddRows(n, v)...)))
			}),
			compare("scatter and gradient"+at, Loose, func(b *Build) []*graph.Node {
				return b.Grads(graph.Scatter(b.Param(n, d), b.Ints(b.oddRows(n, v)...), v))
			}),
		)
	}
	return append(cs,
		compare("gather nothing", Tight, func(b *Build) []*graph.Node {
			return []*graph.Node{graph.Gather(b.Weight(tensor.Q4_1, 3, 64), b.Ints(-1, -1, -1))}
		}),
		compare("scatter into many rows", Loose, func(b *Build) []*graph.Node {
			return b.Grads(graph.Scatter(b.Param(65, 3), b.Ints(b.oddRows(65, manyRows)...), manyRows))
		}),
	)
}

// cacheCases write rows into a variable over several runs and attend to it.
func cacheCases() []Case {
	rows := func(n, m, d int) Case {
		return script(fmt.Sprintf("store %d rows in %dx%d", n, m, d), Tight, func(ctx context.Context, dev device.Device, b *Build) ([][]float32, error) {
			cache := b.variable(tensor.Zeros("cache", m, d))
			x, at := b.Rand(n, d), b.Ints(make([]int32, n)...)
			y := graph.Add(graph.StoreRows(cache, x, at), b.Rand(m, d))
			p, err := dev.Compile(ctx, y)
			if err != nil {
				return nil, err
			}
			defer p.Close()
			if err := b.feed(p); err != nil {
				return nil, err
			}
			var all [][]float32
			for range 3 {
				perm := b.rng.Perm(m)
				where := make([]int32, n)
				for i := range where {
					if where[i] = int32(perm[i]); i%5 == 4 {
						where[i] = -1
					}
				}
				if err := p.Write(x, tensor.F32Bytes(b.Normal(n*d, 1))); err != nil {
					return nil, err
				}
				if err := p.Write(at, tensor.I32Bytes(where)); err != nil {
					return nil, err
				}
				got, err := runAndRead(ctx, p, []*graph.Node{y})
				if err != nil {
					return nil, err
				}
				v, err := readVar(ctx, dev, cache)
				if err != nil {
					return nil, err
				}
				all = append(all, got[0], v)
			}
			return all, nil
		})
	}
	return []Case{rows(1, 1, 1), rows(1, 33, 7), rows(7, 33, 64), rows(65, 127, 33), decodeCase(9, 3, 64), decodeCase(4, 4, 8), decodeCase(2, 1, 80)}
}

// decodeCase fills a key/value cache by a prompt and then token by token.
func decodeCase(heads, kv, dim int) Case {
	return script(fmt.Sprintf("decode with a cache, heads %d/%d of %d", heads, kv, dim), Loose, func(ctx context.Context, d device.Device, b *Build) ([][]float32, error) {
		const room = 40
		k, v := b.variable(tensor.Zeros("k", room, kv*dim)), b.variable(tensor.Zeros("v", room, kv*dim))
		var all [][]float32
		step := func(n int) (func(at int) error, func() error, error) {
			q, kx, vx := b.Rand(n, heads*dim), b.Rand(n, kv*dim), b.Rand(n, kv*dim)
			rows, span := b.Ints(make([]int32, n)...), b.Pairs(make([][2]int32, n))
			y := graph.Attention(q, graph.StoreRows(k, kx, rows), graph.StoreRows(v, vx, rows), span, nil,
				graph.AttentionAttr{Heads: heads, KVHeads: kv, Dim: dim, Scale: 0.3})
			p, err := d.Compile(ctx, y)
			if err != nil {
				return nil, nil, err
			}
			return func(at int) error {
				where, spans := make([]int32, n), make([]int32, 2*n)
				for i := range where {
					where[i], spans[2*i+1] = int32(at+i), int32(at+i+1)
				}
				for _, x := range []*graph.Node{q, kx, vx} {
					if err := p.Write(x, tensor.F32Bytes(b.Normal(x.Numel(), 1))); err != nil {
						return err
					}
				}
				if err := p.Write(rows, tensor.I32Bytes(where)); err != nil {
					return err
				}
				if err := p.Write(span, tensor.I32Bytes(spans)); err != nil {
					return err
				}
				got, err := runAndRead(ctx, p, []*graph.Node{y})
				all = append(all, got...)
				return err
			}, p.Close, nil
		}
		prompt, closePrompt, err := step(5)
		if err != nil {
			return nil, err
		}
		defer closePrompt()
		token, closeToken, err := step(1)
		if err != nil {
			return nil, err
		}
		defer closeToken()
		if err := prompt(0); err != nil {
			return nil, err
		}
		for at := 5; at < 12; at++ {
			if err := token(at); err != nil {
				return nil, err
			}
		}
		return all, nil
	})
}

// readVar reads an F32 variable.
func readVar(ctx context.Context, d device.Device, v *tensor.Var) ([]float32, error) {
	x := make([]float32, tensor.Numel(v.Shape))
	return x, d.ReadVar(ctx, v, tensor.F32Bytes(x))
}
