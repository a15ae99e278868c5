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
	p := Prompt{IDs: prompt}
	if err := checkPrompt(c, 0, p); err != nil {
		return err
	}
	rows, own := rowsOf(c, 0, p, most)
	r := session{d: d, m: m, k: 1, rows: []int32{0}, kv: NewKV(c, Bucket(rows), sourcesOf(c, p))}
	if ad != nil {
		r.bind = func(*graph.Graph, *graph.Node) Adapter { return ad }
	}
	defer r.close()
	feeds, err := r.open(ctx, []Prompt{p}, []int{0})
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	for left := rows - own; ; left-- {
		logits, err := r.run(ctx, feeds)
		if err != nil {
			return err
		}
		r.begun()
		if !tensor.Finite(logits[0]) {
			return fault.Inputf("generate", "token %d: the model's logits are no finite numbers", rows-own-left+1).Next("the weights of the base or the adapter are out of range; take others")
		}
		next := s.pick(logits[0], rng)
		if stop(next) || !on(next) || left <= 1 {
			return nil
		}
		feeds[0] = feeds[0].then(next)
	}
}

// sourcesOf is the room for a prompt's source.
func sourcesOf(c Config, p Prompt) int {
	if c.Encodes() {
		return Bucket(len(p.IDs))
	}
	return 0
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
