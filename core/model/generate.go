package model

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Sampling chooses the next token. Temperature 0 is greedy; TopP in (0, 1)
// keeps the smallest set of tokens with that probability.
type Sampling struct {
	Temperature, TopP float64
	Seed              uint64
}

// Generate continues a prompt by up to most tokens, until stop says so or on
// returns false. The prompt is computed once; its keys and values, and those
// of each new token, stay in a cache on the device. ad may be nil.
func Generate(ctx context.Context, d device.Device, m Model, ad Adapter, prompt []int32, most int, s Sampling, stop func(int32) bool, on func(int32) bool) (err error) {
	defer fault.Recover("generate", &err)
	c := m.Config()
	if len(prompt) == 0 {
		return fault.Inputf("generate", "the prompt has no token").Next("write something to go on from")
	}
	if len(prompt) >= c.Context {
		return fault.Inputf("generate", "the prompt has %d tokens, the context holds %d", len(prompt), c.Context).Next("shorten the prompt")
	}
	most = min(most, c.Context-len(prompt))
	k := &kv{rows: Bucket(len(prompt) + most)}
	defer func() { d.Free(append(k.k, k.v...)...) }()
	for i := 0; i < c.Layers; i++ {
		k.k = append(k.k, tensor.Zeros(fmt.Sprintf("cache.%d.k", i), k.rows, c.KVHeads*c.HeadDim))
		k.v = append(k.v, tensor.Zeros(fmt.Sprintf("cache.%d.v", i), k.rows, c.KVHeads*c.HeadDim))
	}
	pre, err := newDecoder(ctx, d, m, ad, k, Bucket(len(prompt)))
	if err != nil {
		return err
	}
	logits, err := pre.run(ctx, prompt, 0)
	pre.prog.Close()
	if err != nil {
		return err
	}
	var one *decoder
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	for at := len(prompt); ; at++ {
		if !tensor.Finite(logits) {
			return fault.Inputf("generate", "token %d: the model's logits are no finite numbers", at+1-len(prompt)).Next("the weights of the base or the adapter are out of range; take others")
		}
		next := s.pick(logits, rng)
		if stop(next) || !on(next) || at+1 >= len(prompt)+most {
			return nil
		}
		if one == nil {
			if one, err = newDecoder(ctx, d, m, ad, k, 1); err != nil {
				return err
			}
			defer one.prog.Close()
		}
		if logits, err = one.run(ctx, []int32{next}, at); err != nil {
			return err
		}
	}
}

// kv is a key/value cache per layer, [rows, KVHeads·HeadDim] each.
type kv struct {
	k, v []*tensor.Var
	rows int
}

// decoder is a compiled forward pass of n tokens into the cache.
type decoder struct {
	b      Batch
	n      int
	last   *graph.Node // I32 [1], the row whose logits are wanted
	logits *graph.Node // [1, Vocab]
	prog   device.Program
}

func newDecoder(ctx context.Context, d device.Device, m Model, ad Adapter, k *kv, n int) (*decoder, error) {
	g := graph.New()
	r := &decoder{b: NewBatch(g, n, false), n: n, last: g.Input("last", tensor.I32, 1)}
	r.b.Cache = &Cache{K: k.k, V: k.v, Rows: g.Input("cache.rows", tensor.I32, n)}
	r.logits = m.Head(g, graph.Gather(m.Hidden(g, r.b, ad), r.last))
	var err error
	r.prog, err = d.Compile(ctx, r.logits)
	return r, err
}

// run feeds tokens whose first stands at position at and gives the logits
// after the last.
func (r *decoder) run(ctx context.Context, ids []int32, at int) ([]float32, error) {
	p := Pack([]Seq{{IDs: ids}})
	p.Pad(r.n, 0)
	rows := make([]int32, r.n)
	for i := range rows {
		if rows[i] = -1; i < len(ids) {
			rows[i] = int32(at + i)
			p.Pos[i] = int32(at + i)
			p.Span[2*i], p.Span[2*i+1] = 0, int32(at+i+1)
		}
	}
	for n, v := range map[*graph.Node][]int32{r.b.IDs: p.IDs, r.b.Pos: p.Pos, r.b.Span: p.Span, r.b.Slot: p.Slot,
		r.b.Cache.Rows: rows, r.last: {int32(len(ids) - 1)}} {
		if err := r.prog.Write(n, tensor.I32Bytes(v)); err != nil {
			return nil, err
		}
	}
	if err := r.prog.Run(ctx); err != nil {
		return nil, err
	}
	out := make([]float32, r.logits.Numel())
	return out, r.prog.Read(ctx, r.logits, tensor.F32Bytes(out))
}

// pick chooses a token from logits [Vocab].
func (s Sampling) pick(logits []float32, rng *rand.Rand) int32 {
	best := 0
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	if s.Temperature <= 0 {
		return int32(best)
	}
	ids := make([]int, len(logits))
	p := make([]float64, len(logits))
	sum := 0.0
	for i, x := range logits {
		ids[i] = i
		p[i] = math.Exp(float64(x-logits[best]) / s.Temperature)
		sum += p[i]
	}
	sort.Slice(ids, func(a, b int) bool { return p[ids[a]] > p[ids[b]] })
	keep := sum
	if s.TopP > 0 && s.TopP < 1 {
		keep = 0
		for i, id := range ids {
			if keep += p[id]; keep >= s.TopP*sum {
				ids = ids[:i+1]
				break
			}
		}
	}
	u := rng.Float64() * keep
	for _, id := range ids {
		if u -= p[id]; u < 0 {
			return int32(id)
		}
	}
	return int32(ids[len(ids)-1])
}
