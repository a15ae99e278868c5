package model

import (
	"cmp"
	"context"
	"math"
	"slices"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Beams say how Beam searches.
type Beams struct {
	Width   int     // beams kept
	Penalty float64 // a finished answer's score is Σ log p / tokens^Penalty; 1 is the mean
}

// maxBeams bounds Width: each beam has its own rows of the cache.
const maxBeams = 64

// Beam answers a prompt by the sequence of up to most tokens whose score is best
// in a search that keeps Width beams, as transformers' generate does with
// num_beams and length_penalty (generation/utils.py, _beam_search; early_stopping
// False). An answer ends at a token of which stop is true, which counts for its
// length and is left out of the result.
func Beam(ctx context.Context, d device.Device, m Model, bind Bind, rows []int32, p Prompt, b Beams, most int, stop func(int32) bool) (_ []int32, err error) {
	defer fault.Recover("generate", &err)
	c := m.Config()
	if err := checkPrompt(c, 0, p); err != nil {
		return nil, err
	}
	if b.Width < 1 || b.Width > maxBeams {
		return nil, fault.Inputf("generate", "%d beams, want 1 to %d", b.Width, maxBeams)
	}
	all, own := rowsOf(c, 0, p, most)
	if most = all - own; most < 1 {
		return nil, nil
	}
	s := beamSearch{session: session{d: d, m: m, bind: bind, rows: rows, k: b.Width}, Beams: b, most: most, stop: stop}
	if c.Encodes() {
		s.kv = NewKV(c, Bucket(b.Width*most), sourcesOf(c, p))
	} else { // all but the last token are shared; that one is the first feed
		last := len(p.IDs) - 1
		if s.kv, err = Prefix(ctx, d, m, bind, rows, p.IDs[:last], b.Width*most); err != nil {
			return nil, err
		}
		p.IDs = p.IDs[last:]
	}
	defer s.close()
	return s.run(ctx, p)
}

type beamSearch struct {
	session
	Beams
	most  int
	stop  func(int32) bool
	mover *mover
}

// beam is a sequence of tokens with its Σ log p, or its score when finished.
type beam struct {
	ids   []int32
	score float64
	place int // of its rows in the cache
}

func (s *beamSearch) run(ctx context.Context, p Prompt) ([]int32, error) {
	region := func(place int) int { return s.kv.Shared + place*s.most }
	first, err := s.open(ctx, []Prompt{p}, []int{region(0)})
	if err != nil {
		return nil, err
	}
	beams, done := []beam{{}}, []beam(nil)
	for n := 1; ; n++ { // tokens of a beam after this step
		feeds := slices.Clone(first)
		if n > 1 {
			feeds = feeds[:0]
			for _, b := range beams {
				f := first[0]
				f.ids, f.at, f.from = b.ids[n-2:], f.at+n-1, region(b.place)
				feeds = append(feeds, f)
			}
		}
		logits, err := s.session.run(ctx, feeds)
		if err != nil {
			return nil, err
		}
		var next []beam
		for i, c := range s.best(beams, logits) {
			ends := s.stop(c.ids[n-1])
			if i < s.Width && (ends || n == s.most) {
				c.score /= math.Pow(float64(n), s.Penalty)
				if ends {
					c.ids = c.ids[:n-1]
				}
				done = append(done, c)
			}
			if !ends && len(next) < s.Width {
				next = append(next, c)
			}
		}
		slices.SortStableFunc(done, func(a, b beam) int { return cmp.Compare(b.score, a.score) })
		done = done[:min(len(done), s.Width)]
		if n == s.most || len(next) == 0 || len(done) == s.Width && next[0].score/math.Pow(float64(n), s.Penalty) <= done[len(done)-1].score {
			return done[0].ids, nil
		}
		if beams, err = s.settle(ctx, next, n); err != nil {
			return nil, err
		}
	}
}

// best are the best continuations of beams by one token: Width that don't end,
// and those that end among them.
func (s *beamSearch) best(beams []beam, logits [][]float32) (out []beam) {
	for i, l := range logits {
		most, sum := float64(l[ArgMax(l)]), 0.0
		for _, x := range l {
			sum += math.Exp(float64(x) - most)
		}
		norm := beams[i].score - most - math.Log(sum)
		for _, t := range s.candidates(l) {
			out = append(out, beam{append(slices.Clone(beams[i].ids), t), float64(l[t]) + norm, beams[i].place})
		}
	}
	slices.SortStableFunc(out, func(a, b beam) int { return cmp.Compare(b.score, a.score) })
	return out
}

// candidates are the Width likeliest tokens that don't end an answer, and those
// that do of which fewer than Width others are likelier.
func (s *beamSearch) candidates(l []float32) (tokens []int32) {
	var on []int32 // likeliest first
	for t, x := range l {
		if len(on) == s.Width && x <= l[on[s.Width-1]] {
			continue
		}
		if s.stop(int32(t)) {
			tokens = append(tokens, int32(t))
			continue
		}
		at, _ := slices.BinarySearchFunc(on, x, func(o int32, x float32) int {
			if l[o] >= x {
				return -1
			}
			return 1
		})
		on = slices.Insert(on, at, int32(t))
		on = on[:min(len(on), s.Width)]
	}
	return append(tokens, on...)
}

// settle gives each beam rows of its own: the first to go on from a beam keeps
// its rows, the others get copies of its first n rows.
func (s *beamSearch) settle(ctx context.Context, next []beam, n int) ([]beam, error) {
	taken := make([]bool, s.Width)
	var homeless []int
	for i, b := range next {
		if taken[b.place] {
			homeless = append(homeless, i)
		}
		taken[b.place] = true
	}
	var from, to []int32
	for _, i := range homeless {
		free := slices.Index(taken, false)
		taken[free] = true
		for r := range n {
			from = append(from, int32(s.kv.Shared+next[i].place*s.most+r))
			to = append(to, int32(s.kv.Shared+free*s.most+r))
		}
		next[i].place = free
	}
	if len(from) == 0 {
		return next, nil
	}
	if s.mover == nil {
		var err error
		if s.mover, err = newMover(ctx, s.d, s.kv, s.Width*s.most); err != nil {
			return nil, err
		}
	}
	return next, s.mover.run(ctx, from, to)
}

func (s *beamSearch) close() {
	if s.mover != nil {
		s.mover.prog.Close()
	}
	s.session.close()
}

// mover copies up to n rows within a cache.
type mover struct {
	from, to *graph.Node
	prog     device.Program
}

func newMover(ctx context.Context, d device.Device, kv *KV, n int) (*mover, error) {
	g := graph.New()
	m := &mover{from: g.Input("from", tensor.I32, n), to: g.Input("to", tensor.I32, n)}
	var outs []*graph.Node
	for i := range kv.K {
		for _, v := range []*tensor.Var{kv.K[i], kv.V[i]} {
			outs = append(outs, graph.StoreRows(v, graph.Gather(g.Use(v), m.from), m.to))
		}
	}
	var err error
	m.prog, err = d.Compile(ctx, outs...)
	return m, err
}

func (m *mover) run(ctx context.Context, from, to []int32) error {
	n := m.from.Shape[0]
	if err := writeInts(m.prog, map[*graph.Node][]int32{m.from: filled(from, n), m.to: filled(to, n)}); err != nil {
		return err
	}
	return m.prog.Run(ctx)
}
