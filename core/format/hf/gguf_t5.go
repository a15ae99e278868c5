package hf

import (
	"math"

	"handful/core/fault"
	"handful/core/format/gguf"
	"handful/core/model"
	"handful/core/tensor"
)

// unreadBias is in old T5 checkpoints; nobody reads it.
const unreadBias = "dec.blk.0.cross_attn_rel_b.weight"

// ggufT5 reads a t5 architecture's metadata (llama.cpp, src/models/t5.cpp). What
// the file does not say is as there: a feed-forward with a gate is GELU's tanh
// form, one without is ReLU, and relative positions end at 128. It does not say
// either whether the head reads a scaled state. HF scales it where the head is
// the embedding, llama.cpp never does, which leaves the order of tokens as it is;
// here it is HF's.
func ggufT5(g *gguf.File) (Config, error) {
	c := Config{Config: model.Config{ModelType: "t5", Context: t5Context, Buckets: 32, MaxDistance: 128, Eps: 1e-6, Act: "relu"}}
	if err := ggufSizes(g, "t5.", map[string]*int{"block_count": &c.EncoderLayers, "embedding_length": &c.Hidden, "feed_forward_length": &c.FFN,
		"attention.head_count": &c.Heads, "attention.relative_buckets_count": &c.Buckets}); err != nil {
		return c, err
	}
	c.KVHeads, c.Layers = c.Heads, c.EncoderLayers
	if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	start := 0
	if pad, ok := g.Int("tokenizer.ggml.padding_token_id"); ok {
		start = pad
	}
	if err := ggufSizes(g, "t5.", map[string]*int{"decoder_block_count": &c.Layers, "attention.key_length": &c.HeadDim, "decoder_start_token_id": &start}); err != nil {
		return c, err
	}
	for key, plain := range map[string]int{"attention.value_length": c.HeadDim, "attention.head_count_kv": c.Heads} {
		if v, ok := g.Int("t5." + key); ok && v != plain {
			return c, fault.Unsupportedf("gguf", "t5.%s is %d, want %d", key, v, plain)
		}
	}
	c.Start = int32(min(max(start, -1), math.MaxInt32))
	if v, ok := g.Float("t5.attention.layer_norm_rms_epsilon"); ok {
		c.Eps = v
	}
	if g.Has("enc.blk.0.ffn_gate.weight") {
		c.Act = "gelu_new"
	}
	if shape, _ := g.Shape("token_embd.weight"); len(shape) == 2 {
		c.Vocab = shape[0]
	}
	c.EOS = []int{1}
	if id, ok := g.Int("tokenizer.ggml.eos_token_id"); ok {
		c.EOS = []int{id}
	}
	if err := c.checkT5("gguf"); err != nil {
		return c, err
	}
	var err error
	c.Tied, err = ggufTied(g)
	c.ScaledHead = c.Tied
	return c, err
}

// ggufTied tells whether the head is the embedding: it is left out, or written
// again, perhaps in another type. Rows that are the same but for rounding are one.
func ggufTied(g *gguf.File) (bool, error) {
	const rows = 4
	if !g.Has("output.weight") {
		return true, nil
	}
	read := func(name string) ([]float32, error) {
		s, err := g.Tensor(name)
		if err != nil || len(s.Shape()) != 2 {
			return nil, err
		}
		dt, cols := s.DType(), s.Shape()[1]
		n := min(rows, s.Shape()[0])
		raw := make([]byte, dt.Bytes(n, cols))
		if k, err := s.ReadAt(raw, 0); k < len(raw) {
			return nil, fault.Inputf("gguf", "%s: %w", name, err)
		}
		return tensor.ReadF32(tensor.MemSource(dt, []int{n, cols}, raw, ""))
	}
	e, err := read("token_embd.weight")
	if err != nil {
		return false, err
	}
	h, err := read("output.weight")
	if err != nil || len(h) != len(e) {
		return false, err
	}
	var diff, norm float64
	for i := range e {
		diff += math.Pow(float64(e[i]-h[i]), 2)
		norm += math.Pow(float64(e[i]), 2)
	}
	return diff < norm/20, nil
}
