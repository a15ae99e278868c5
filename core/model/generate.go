package model

import (
	"context"
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
	kv := NewKV(c, Bucket(len(prompt)+most))
	defer kv.Free(d)
	var bind Bind
	if ad != nil {
		bind = func(*graph.Graph, *graph.Node) Adapter { return ad }
	}
	pre, err := newDecoder(ctx, d, m, bind, kv, Bucket(len(prompt)), 1, 1)
	if err != nil {
		return err
	}
	logits, err := pre.run(ctx, nil, []feed{{ids: prompt}})
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
			if one, err = newDecoder(ctx, d, m, bind, kv, 1, 1, 1); err != nil {
				return err
			}
			defer one.prog.Close()
		}
		if logits, err = one.run(ctx, nil, []feed{{ids: []int32{next}, at: at}}); err != nil {
			return err
		}
	}
}

// pick chooses a token from logits [Vocab].
func (s Sampling) pick(logits []float32, rng *rand.Rand) int32 {
	best := ArgMax(logits)
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
