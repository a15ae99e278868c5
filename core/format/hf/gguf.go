package hf

import (
	"fmt"
	"io"

	"handful/core/fault"
	"handful/core/format/gguf"
	"handful/core/tensor"
	"handful/core/text"
)

// ggufConfig reads a llama architecture's metadata.
func ggufConfig(g *gguf.File) (Config, error) {
	arch := g.String("general.architecture")
	if arch != "llama" {
		return Config{}, fault.Unsupportedf("gguf", "architecture %q, want llama", arch)
	}
	c := Config{ModelType: "llama", RopeTheta: 10000, Eps: 1e-5, Tied: !g.Has("output.weight")}
	for key, p := range map[string]*int{"block_count": &c.Layers, "embedding_length": &c.Hidden, "feed_forward_length": &c.FFN,
		"attention.head_count": &c.Heads, "attention.head_count_kv": &c.KVHeads, "context_length": &c.Context, "rope.dimension_count": &c.HeadDim} {
		*p, _ = g.Int("llama." + key)
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if k, ok := g.Int("llama.attention.key_length"); ok {
		c.HeadDim = k
	} else if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	if v, ok := g.Float("llama.rope.freq_base"); ok {
		c.RopeTheta = v
	}
	if v, ok := g.Float("llama.attention.layer_norm_rms_epsilon"); ok {
		c.Eps = v
	}
	if s := g.String("llama.rope.scaling.type"); s != "" && s != "none" || g.Has("rope_freqs.weight") {
		return c, fault.Unsupportedf("gguf", "rope scaling %q, want none", s)
	}
	if e, err := g.Tensor("token_embd.weight"); err == nil && len(e.Shape()) == 2 {
		c.Vocab = e.Shape()[0]
	}
	for _, k := range []string{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"} {
		if id, ok := g.Int(k); ok {
			c.EOS = append(c.EOS, id)
		}
	}
	if id, ok := g.Int("tokenizer.ggml.bos_token_id"); ok {
		c.BOS = []int{id}
	}
	return c, c.check()
}

// ggufNames maps HF's tensor names to llama.cpp's.
func ggufNames(c Config) map[string]string {
	m := map[string]string{"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
	for l := 0; l < c.Layers; l++ {
		for hf, g := range map[string]string{"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
			"self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"} {
			m[fmt.Sprintf("model.layers.%d.%s.weight", l, hf)] = fmt.Sprintf("blk.%d.%s.weight", l, g)
		}
	}
	return m
}

// ggufTokenizer builds the tokenizer from the file's metadata.
func ggufTokenizer(g *gguf.File, tokens []string) (text.Tokenizer, error) {
	v := text.GGUFVocab{Model: g.String("tokenizer.ggml.model"), Pre: g.String("tokenizer.ggml.pre"), Tokens: tokens, Merges: g.Strings("tokenizer.ggml.merges"),
		BOS: tokenID(g, "tokenizer.ggml.bos_token_id"), EOS: tokenID(g, "tokenizer.ggml.eos_token_id"), ChatTemplate: g.String("tokenizer.chat_template")}
	for _, t := range g.Ints("tokenizer.ggml.token_type") {
		v.TokenTypes = append(v.TokenTypes, int32(t))
	}
	return text.FromGGUF(v)
}

func tokenID(g *gguf.File, key string) int32 {
	if id, ok := g.Int(key); ok {
		return int32(id)
	}
	return -1
}

// permuted reads the rows of a matrix in another order. Rows move whole, so
// quantised blocks stay as they are.
type permuted struct {
	tensor.Source
	rowBytes int64
	from     func(row int) int
}

// halfSplit undoes llama.cpp's row order of q and k: it stores each head's
// rows for rotating neighbours (x0,x1),(x2,x3)…, HF for rotating halves
// (x0,x_{d/2})…. HF row i of the first half is GGUF row 2i, of the second 2i+1.
func halfSplit(s tensor.Source, heads int) (tensor.Source, error) {
	shape := s.Shape()
	if len(shape) != 2 || shape[0]%(2*heads) != 0 {
		return nil, fault.Inputf("gguf", "attention weight of shape %v for %d heads", shape, heads)
	}
	d := shape[0] / heads
	return &permuted{s, int64(s.DType().Bytes(1, shape[1])), func(row int) int {
		h, i := row/d, row%d
		return h*d + i%(d/2)*2 + i/(d/2)
	}}, nil
}

func (p *permuted) ReadAt(b []byte, off int64) (n int, err error) {
	rows := int64(p.Shape()[0])
	for n < len(b) {
		row, in := (off+int64(n))/p.rowBytes, (off+int64(n))%p.rowBytes
		if row >= rows {
			return n, io.EOF
		}
		k := min(int(p.rowBytes-in), len(b)-n)
		m, err := p.Source.ReadAt(b[n:n+k], int64(p.from(int(row)))*p.rowBytes+in)
		n += m
		if m < k {
			return n, err
		}
	}
	return n, nil
}
