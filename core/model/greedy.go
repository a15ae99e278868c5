package model

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
)

// Limits of a batch of prompts that are decoded together.
const (
	greedyPrompts = 16
	greedyRows    = 4096 // of the cache behind the shared tokens, and of sources
)

// Greedy continues prompts by their most likely tokens, several at a time: up
// to most of them each, until stop says that a token ends an answer (it is left
// out) or the context is full. All prompts stand behind prefix, which is
// computed once and may be empty (and is for encoder-decoders). rows is the
// adapter's table row of each task slot; bind may be nil. on, which may be nil,
// hears how many are done.
//
// Keys and values stay in a cache on the device, a region for each prompt, so a
// step computes one token a prompt. The result is what Generate gives at
// temperature 0.
func Greedy(ctx context.Context, d device.Device, m Model, bind Bind, rows, prefix []int32, prompts []Prompt, most int, stop func(int32) bool, on func(done int)) (out [][]int32, err error) {
	defer fault.Recover("generate", &err)
	c := m.Config()
	for _, p := range prompts {
		if err := checkPrompt(c, len(prefix), p); err != nil {
			return nil, err
		}
	}
	if len(prompts) == 0 || most < 1 {
		return make([][]int32, len(prompts)), nil
	}
	batches, rooms := greedyBatches(c, len(prefix), prompts, most)
	g := greedy{session: session{d: d, m: m, bind: bind, rows: rows, k: rooms.prompts}, before: len(prefix), most: most, stop: stop}
	if c.Encodes() {
		if len(prefix) > 0 {
			return nil, fault.New(fault.Bug, "generate", "a prefix before an encoder-decoder's answers")
		}
		g.kv = NewKV(c, Bucket(rooms.rows), Bucket(rooms.sources))
	} else if g.kv, err = Prefix(ctx, d, m, bind, rows, prefix, rooms.rows); err != nil {
		return nil, err
	}
	defer g.close()
	for _, b := range batches {
		got, err := g.batch(ctx, b)
		if err != nil {
			return nil, err
		}
		if out = append(out, got...); on != nil {
			on(len(out))
		}
	}
	return out, nil
}

// rooms is what the largest batches take.
type rooms struct{ prompts, rows, sources int }

// greedyBatches cuts prompts into batches.
func greedyBatches(c Config, before int, prompts []Prompt, most int) (batches [][]Prompt, r rooms) {
	rows, sources := 0, 0
	for _, p := range prompts {
		n, _ := rowsOf(c, before, p, most)
		src := 0
		if c.Encodes() {
			src = len(p.IDs)
		}
		if at := len(batches); at == 0 || len(batches[at-1]) == greedyPrompts || rows+n > greedyRows || sources+src > greedyRows {
			batches, rows, sources = append(batches, nil), 0, 0
		}
		at := len(batches) - 1
		batches[at] = append(batches[at], p)
		rows, sources = rows+n, sources+src
		r = rooms{max(r.prompts, len(batches[at])), max(r.rows, rows), max(r.sources, sources)}
	}
	return batches, r
}

// greedy decodes batches in one cache.
type greedy struct {
	session
	before, most int
	stop         func(int32) bool
}

func (g *greedy) batch(ctx context.Context, prompts []Prompt) ([][]int32, error) {
	out := make([][]int32, len(prompts))
	from := make([]int, len(prompts))
	left := make([]int, len(prompts)) // tokens that may still come
	row := g.kv.Shared
	for i, p := range prompts {
		n, own := rowsOf(g.m.Config(), g.before, p, g.most)
		from[i], left[i] = row, n-own
		row += n
	}
	feeds, err := g.open(ctx, prompts, from)
	if err != nil {
		return nil, err
	}
	of := make([]int, len(prompts)) // the prompt of each feed
	for i := range of {
		of[i] = i
	}
	for len(feeds) > 0 {
		logits, err := g.run(ctx, feeds)
		if err != nil {
			return nil, err
		}
		var on []feed
		var whose []int
		for i, f := range feeds {
			p := of[i]
			next := int32(ArgMax(logits[i]))
			if g.stop(next) {
				continue
			}
			out[p] = append(out[p], next)
			if left[p]--; left[p] > 0 {
				on = append(on, f.then(next))
				whose = append(whose, p)
			}
		}
		feeds, of = on, whose
	}
	return out, nil
}

// then is the feed of the token that comes next.
func (f feed) then(id int32) feed {
	f.at += len(f.ids)
	f.ids = []int32{id}
	return f
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
