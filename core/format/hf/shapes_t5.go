package hf

import "fmt"

// shapesT5 are those of T5 and mT5.
func (c Config) shapesT5() (out []Shape) {
	inner := c.Heads * c.HeadDim
	add := func(name, gguf string, shape ...int) {
		out = append(out, Shape{Name: name + ".weight", GGUF: gguf + ".weight", Shape: shape})
	}
	add("shared", "token_embd", c.Vocab, c.Hidden)
	type part struct{ hf, gguf string }
	for _, stack := range []struct {
		part
		layers int
		parts  []part
	}{{part{"encoder", "enc"}, c.EncoderLayers, []part{{"SelfAttention", "attn_"}}}, {part{"decoder", "dec"}, c.Layers, []part{{"SelfAttention", "attn_"}, {"EncDecAttention", "cross_attn_"}}}} {
		for l := range stack.layers {
			layer, blk := fmt.Sprintf("%s.block.%d.layer.", stack.hf, l), fmt.Sprintf("%s.blk.%d.", stack.gguf, l)
			for i, attention := range stack.parts {
				at, to := fmt.Sprintf("%s%d.", layer, i), blk+attention.gguf
				for _, m := range []string{"q", "k", "v"} {
					add(at+attention.hf+"."+m, to+m, inner, c.Hidden)
				}
				add(at+attention.hf+".o", to+"o", c.Hidden, inner)
				if l == 0 && i == 0 {
					add(at+attention.hf+".relative_attention_bias", to+"rel_b", c.Buckets, c.Heads)
				}
				add(at+"layer_norm", to+"norm", c.Hidden)
			}
			at := fmt.Sprintf("%s%d.", layer, len(stack.parts))
			if c.Act == "relu" {
				add(at+"DenseReluDense.wi", blk+"ffn_up", c.FFN, c.Hidden)
			} else {
				add(at+"DenseReluDense.wi_0", blk+"ffn_gate", c.FFN, c.Hidden)
				add(at+"DenseReluDense.wi_1", blk+"ffn_up", c.FFN, c.Hidden)
			}
			add(at+"DenseReluDense.wo", blk+"ffn_down", c.Hidden, c.FFN)
			add(at+"layer_norm", blk+"ffn_norm", c.Hidden)
		}
		add(stack.hf+".final_layer_norm", stack.gguf+".output_norm", c.Hidden)
	}
	if !c.Tied {
		add("lm_head", "output", c.Vocab, c.Hidden)
	}
	return out
}

// family is the model's name for people.
func (c Config) family() string {
	if c.Encodes() {
		return "T5"
	}
	switch c.ModelType {
	case "qwen2":
		return "Qwen2"
	case "qwen3":
		return "Qwen3"
	}
	return "Llama"
}
