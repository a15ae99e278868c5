package model

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Prompt is a beginning to continue, of an encoder-decoder the source to answer
// to, and its task slot.
type Prompt struct {
	IDs  []int32
	Slot int32
}

// session continues prompts, up to k at a time, in one cache.
type session struct {
	d    device.Device
	m    Model
	bind Bind
	rows []int32 // the adapter's table row of each task slot
	kv   *KV
	k    int

	one, many *decoder // of a token each, and of more
	enc       *encoder
}

// checkPrompt refuses a prompt that does not fit behind so many tokens.
func checkPrompt(c Config, before int, p Prompt) error {
	n, room := before+len(p.IDs), c.Context
	if !c.Encodes() {
		room-- // for a token
	}
	if len(p.IDs) == 0 {
		return fault.Inputf("generate", "the prompt has no token").Next("write something to go on from")
	}
	if n > room {
		return fault.Inputf("generate", "the prompt has %d tokens, the context holds %d", n, c.Context).Next("shorten the prompt")
	}
	return nil
}

// rowsOf is how many rows of the cache a prompt takes with up to most tokens
// behind it, and how many of them are its own.
func rowsOf(c Config, before int, p Prompt, most int) (rows, own int) {
	if c.Encodes() {
		return min(1+most, c.Context), 1
	}
	return min(len(p.IDs)+most, c.Context-before), len(p.IDs)
}

// open computes what comes before the first new token: the feeds of prompts
// whose rows of the cache begin at from, which for a decoder are the prompts
// themselves. Sources are encoded first.
func (s *session) open(ctx context.Context, prompts []Prompt, from []int) ([]feed, error) {
	c := s.m.Config()
	feeds := make([]feed, len(prompts))
	for i, p := range prompts {
		feeds[i] = feed{ids: p.IDs, at: s.kv.Shared, from: from[i], slot: p.Slot}
	}
	if !c.Encodes() {
		return feeds, nil
	}
	src := &RaggedSource{}
	for i, p := range prompts {
		lo, hi := src.add(p.IDs, p.Slot, 0, 0)
		feeds[i].ids, feeds[i].source = []int32{c.Start}, [2]int32{lo, hi}
	}
	if n := Bucket(len(src.IDs)); s.enc == nil || s.enc.n != n {
		if s.enc != nil {
			s.enc.prog.Close()
		}
		var err error
		if s.enc, err = newEncoder(ctx, s.d, s.m, s.bind, s.kv, n, len(s.rows)); err != nil {
			s.enc = nil
			return nil, err
		}
	}
	return feeds, s.enc.run(ctx, s.rows, src)
}

// run feeds tokens and gives the logits after each feed's last.
func (s *session) run(ctx context.Context, feeds []feed) (logits [][]float32, err error) {
	tokens := 0
	for _, f := range feeds {
		tokens += len(f.ids)
	}
	dec, n := &s.one, Bucket(s.k)
	if s.k == 1 {
		n = 1
	}
	if tokens > n {
		dec, n = &s.many, Bucket(tokens)
	}
	if *dec == nil || (*dec).n != n {
		if *dec != nil {
			(*dec).prog.Close()
		}
		if *dec, err = newDecoder(ctx, s.d, s.m, s.bind, s.kv, n, s.k, len(s.rows)); err != nil {
			*dec = nil
			return nil, err
		}
	}
	all, err := (*dec).run(ctx, s.rows, feeds)
	if err != nil {
		return nil, err
	}
	v := len(all) / s.k
	for i := range feeds {
		logits = append(logits, all[i*v:(i+1)*v])
	}
	return logits, nil
}

// begun frees the programs that only the beginning needs.
func (s *session) begun() {
	if s.many != nil {
		s.many.prog.Close()
	}
	if s.enc != nil {
		s.enc.prog.Close()
	}
	s.many, s.enc = nil, nil
}

func (s *session) close() {
	if s.begun(); s.one != nil {
		s.one.prog.Close()
	}
	s.kv.Free(s.d)
}

// encoder is a compiled pass of up to n source tokens into a memory.
type encoder struct {
	s    *Source
	n    int
	task *graph.Node // I32 [slots]
	prog device.Program
}

func newEncoder(ctx context.Context, d device.Device, m Model, bind Bind, kv *KV, n, slots int) (*encoder, error) {
	g := graph.New()
	e := &encoder{s: NewSource(g, n, 1, false), n: n, task: g.Input("task", tensor.I32, max(1, slots))}
	e.s.Memory = &Memory{K: kv.MemoryK, V: kv.MemoryV, Rows: g.Input("memory.rows", tensor.I32, n)}
	var ad Adapter
	if bind != nil {
		ad = bind(g, e.task)
	}
	var err error
	e.prog, err = d.Compile(ctx, m.(EncoderDecoder).Remember(g, e.s, ad)...)
	return e, err
}

// run remembers sources, from the memory's first row on.
func (e *encoder) run(ctx context.Context, task []int32, src *RaggedSource) error {
	rows := make([]int32, len(src.IDs))
	for i := range rows {
		rows[i] = int32(i)
	}
	src.pad(e.n)
	src.Seen = []int32{0, 0}
	ints := map[*graph.Node][]int32{e.s.Memory.Rows: filled(rows, e.n), e.task: filled(task, e.task.Shape[0])}
	e.s.values(ints, src)
	if err := writeInts(e.prog, ints); err != nil {
		return err
	}
	return e.prog.Run(ctx)
}
