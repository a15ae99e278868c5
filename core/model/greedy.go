package model

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
)

// Limits of a batch of prompts that are decoded together.
const (
	greedyPrompts = 16
	greedyRows    = 4096 // of the cache, behind the shared tokens
)

// Prompt is a beginning to continue and its task slot.
type Prompt struct {
	IDs  []int32
	Slot int32
}

// Greedy continues prompts by their most likely tokens, several at a time: up
// to most of them each, until stop says that a token ends an answer (it is left
// out) or the context is full. All prompts stand behind prefix, which is
// computed once and may be empty. rows is the adapter's table row of each task
// slot; bind may be nil. on, which may be nil, hears how many are done.
//
// Keys and values stay in a cache on the device, a region for each prompt, so a
// step computes one token a prompt. The result is what Generate gives at
// temperature 0.
func Greedy(ctx context.Context, d device.Device, m Model, bind Bind, rows, prefix []int32, prompts []Prompt, most int, stop func(int32) bool, on func(done int)) (out [][]int32, err error) {
	defer fault.Recover("generate", &err)
	limit := m.Config().Context
	for _, p := range prompts {
		if n := len(prefix) + len(p.IDs); len(p.IDs) == 0 || n >= limit {
			return nil, fault.Inputf("generate", "a prompt of %d tokens, want 1 to %d", n, limit-1).Next("shorten the prompt")
		}
	}
	size := func(p Prompt) int { return min(len(p.IDs)+most, limit-len(prefix)) }
	var batches [][]Prompt
	room, total, k := 0, 0, 0
	for _, p := range prompts {
		if n := len(batches); n == 0 || len(batches[n-1]) == greedyPrompts || total+size(p) > greedyRows {
			batches, total = append(batches, nil), 0
		}
		n := len(batches) - 1
		batches[n] = append(batches[n], p)
		total += size(p)
		room, k = max(room, total), max(k, len(batches[n]))
	}
	kv, err := Prefix(ctx, d, m, bind, rows, prefix, room)
	if err != nil {
		return nil, err
	}
	defer kv.Free(d)
	if len(prompts) == 0 || most < 1 {
		return make([][]int32, len(prompts)), nil
	}
	one, err := newDecoder(ctx, d, m, bind, kv, Bucket(k), k, len(rows))
	if err != nil {
		return nil, err
	}
	defer one.prog.Close()
	g := greedy{d: d, m: m, bind: bind, rows: rows, kv: kv, one: one, stop: stop}
	defer g.close()
	for _, b := range batches {
		got, err := g.batch(ctx, b, size, k)
		if err != nil {
			return nil, err
		}
		if out = append(out, got...); on != nil {
			on(len(out))
		}
	}
	return out, nil
}

// greedy decodes batches in one cache.
type greedy struct {
	d        device.Device
	m        Model
	bind     Bind
	rows     []int32
	kv       *KV
	pre, one *decoder // of prompts, and of a token each
	stop     func(int32) bool
}

func (g *greedy) close() {
	if g.pre != nil {
		g.pre.prog.Close()
	}
}

// batch decodes up to k prompts. size is a prompt's rows of the cache.
func (g *greedy) batch(ctx context.Context, prompts []Prompt, size func(Prompt) int, k int) ([][]int32, error) {
	out := make([][]int32, len(prompts))
	feeds := make([]feed, len(prompts))
	left := make([]int, len(prompts)) // tokens that may still come
	row, tokens := g.kv.Shared, 0
	for i, p := range prompts {
		feeds[i] = feed{ids: p.IDs, at: g.kv.Shared, from: row, slot: p.Slot}
		left[i] = size(p) - len(p.IDs)
		row += size(p)
		tokens += len(p.IDs)
	}
	if n := Bucket(tokens); g.pre == nil || g.pre.n != n {
		g.close()
		var err error
		if g.pre, err = newDecoder(ctx, g.d, g.m, g.bind, g.kv, n, k, len(g.rows)); err != nil {
			g.pre = nil
			return nil, err
		}
	}
	of := make([]int, len(prompts)) // the prompt of each feed
	for i := range of {
		of[i] = i
	}
	for dec := g.pre; len(feeds) > 0; dec = g.one {
		logits, err := dec.run(ctx, g.rows, feeds)
		if err != nil {
			return nil, err
		}
		v := dec.logits.Shape[1]
		var on []feed
		var whose []int
		for i, f := range feeds {
			p := of[i]
			next := int32(ArgMax(logits[i*v : (i+1)*v]))
			if g.stop(next) {
				continue
			}
			out[p] = append(out[p], next)
			if left[p]--; left[p] > 0 {
				on = append(on, feed{ids: []int32{next}, at: f.at + len(f.ids), from: f.from, slot: f.slot})
				whose = append(whose, p)
			}
		}
		feeds, of = on, whose
	}
	return out, nil
}

// ArgMax is the index of the largest value, the first of equals.
func ArgMax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
