package model

import (
	"context"
	"fmt"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Bind makes an adapter of a graph: route.Adapter's method. rows I32 [t] is the
// table row of each task slot. A nil Bind is the bare base.
type Bind func(g *graph.Graph, rows *graph.Node) Adapter

// KV is a key/value cache on a device: per layer [Rows, KVHeads·HeadDim] each.
// Its first Shared rows hold the tokens that all its sequences begin with. Of an
// encoder-decoder it also holds what is remembered of sources, Sources rows.
type KV struct {
	K, V         []*tensor.Var
	Rows, Shared int

	MemoryK, MemoryV []*tensor.Var
	Sources          int
}

// NewKV makes a cache of rows rows, of zeros until something is stored; sources
// is 0 for a decoder alone.
func NewKV(c Config, rows, sources int) *KV {
	kv := &KV{Rows: rows, Sources: sources}
	width := c.KVHeads * c.HeadDim
	for i := range c.Layers {
		kv.K = append(kv.K, tensor.Zeros(fmt.Sprintf("cache.%d.k", i), rows, width))
		kv.V = append(kv.V, tensor.Zeros(fmt.Sprintf("cache.%d.v", i), rows, width))
		if sources > 0 {
			kv.MemoryK = append(kv.MemoryK, tensor.Zeros(fmt.Sprintf("memory.%d.k", i), sources, width))
			kv.MemoryV = append(kv.MemoryV, tensor.Zeros(fmt.Sprintf("memory.%d.v", i), sources, width))
		}
	}
	return kv
}

// Free drops the cache from its device.
func (kv *KV) Free(d device.Device) {
	for _, v := range [][]*tensor.Var{kv.K, kv.V, kv.MemoryK, kv.MemoryV} {
		d.Free(v...)
	}
}

// Cache declares the rows that n tokens of a batch are stored in.
func (kv *KV) Cache(g *graph.Graph, n int) *Cache {
	return &Cache{K: kv.K, V: kv.V, Rows: g.Input("cache.rows", tensor.I32, n)}
}

// prefixTokens is how many tokens of a prefix are computed at a time.
const prefixTokens = 512

// Prefix computes the tokens that sequences begin with, once, into a cache with
// room for so many tokens behind them. rows is the adapter's table row of the
// one task slot. It is for decoders alone.
func Prefix(ctx context.Context, d device.Device, m Model, bind Bind, rows, ids []int32, room int) (*KV, error) {
	if m.Config().Encodes() {
		return nil, fault.New(fault.Bug, "prefix", "a prefix before an encoder-decoder's answers")
	}
	kv := NewKV(m.Config(), Bucket(len(ids)+room), 0)
	if len(ids) == 0 {
		return kv, nil
	}
	dec, err := newDecoder(ctx, d, m, bind, kv, min(Bucket(len(ids)), prefixTokens), 1, len(rows))
	if err != nil {
		return nil, err
	}
	defer dec.prog.Close()
	for at := 0; at < len(ids); at += dec.n {
		part := ids[at:min(at+dec.n, len(ids))]
		if _, err := dec.run(ctx, rows, []feed{{ids: part, at: at}}); err != nil {
			kv.Free(d)
			return nil, err
		}
	}
	kv.Shared = len(ids)
	return kv, nil
}

// decoder is a compiled forward pass of up to n tokens, of up to k sequences,
// into a cache.
type decoder struct {
	kv     *KV
	b      Batch
	n      int
	task   *graph.Node // I32 [slots]
	last   *graph.Node // I32 [k], tokens whose logits are wanted; −1: none
	logits *graph.Node // [k, Vocab]
	prog   device.Program
}

// feed is tokens of one sequence. Its tokens behind the shared ones lie in the
// cache from row from on, and its source in the memory.
type feed struct {
	ids    []int32
	at     int // position of the first
	from   int
	slot   int32
	source [2]int32
}

func newDecoder(ctx context.Context, d device.Device, m Model, bind Bind, kv *KV, n, k, slots int) (*decoder, error) {
	g := graph.New()
	r := &decoder{kv: kv, b: NewBatch(g, n, false), n: n, task: g.Input("task", tensor.I32, max(1, slots)), last: g.Input("last", tensor.I32, k)}
	r.b.Cache = kv.Cache(g, n)
	if kv.Shared > 0 {
		r.b.Skip = g.Input("skip", tensor.I32, n, 2)
	}
	if kv.Sources > 0 {
		r.b.Source = &Source{Seen: g.Input("seen", tensor.I32, n, 2), Memory: &Memory{K: kv.MemoryK, V: kv.MemoryV}}
	}
	var ad Adapter
	if bind != nil {
		ad = bind(g, r.task)
	}
	r.logits = m.Head(g, graph.Gather(m.Hidden(g, r.b, ad), r.last))
	var err error
	r.prog, err = d.Compile(ctx, r.logits)
	return r, err
}

// run feeds tokens and gives the logits after each feed's last, [k, Vocab] with
// zeros behind the feeds.
func (r *decoder) run(ctx context.Context, task []int32, feeds []feed) ([]float32, error) {
	p := &Ragged{}
	var rows, last []int32
	shared := int32(r.kv.Shared)
	for _, f := range feeds {
		for i, id := range f.ids {
			row := int32(f.from + f.at - r.kv.Shared + i)
			p.IDs = append(p.IDs, id)
			p.Pos = append(p.Pos, int32(f.at+i))
			p.Slot = append(p.Slot, f.slot)
			p.Source.Seen = append(p.Source.Seen, f.source[0], f.source[1])
			rows = append(rows, row)
			if shared > 0 { // the shared tokens and its own, not the rows between
				p.Span = append(p.Span, 0, row+1)
				p.Skip = append(p.Skip, shared, int32(f.from))
			} else {
				p.Span = append(p.Span, int32(f.from), row+1)
			}
		}
		last = append(last, int32(len(p.IDs)-1))
	}
	p.Pad(r.n, 0)
	ints := r.b.Values(p)
	ints[r.b.Cache.Rows], ints[r.last], ints[r.task] = filled(rows, r.n), filled(last, r.last.Shape[0]), filled(task, r.task.Shape[0])
	if err := writeInts(r.prog, ints); err != nil {
		return nil, err
	}
	if err := r.prog.Run(ctx); err != nil {
		return nil, err
	}
	out := make([]float32, r.logits.Numel())
	return out, r.prog.Read(ctx, r.logits, tensor.F32Bytes(out))
}

func writeInts(p device.Program, ints map[*graph.Node][]int32) error {
	for n, v := range ints {
		if err := p.Write(n, tensor.I32Bytes(v)); err != nil {
			return err
		}
	}
	return nil
}

// filled is v with −1 behind it, n long.
func filled(v []int32, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		if out[i] = -1; i < len(v) {
			out[i] = v[i]
		}
	}
	return out
}
