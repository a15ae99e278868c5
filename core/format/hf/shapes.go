package hf

import (
	"fmt"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/tensor"
)

// module is one tensor of a layer: its HF and its llama.cpp name within the
// layer, and its shape.
type module struct {
	hf, gguf string
	shape    func(c Config) []int // [out, in], [out] for a bias, or [d] for a norm
	only     func(c Config) bool  // the configs that have it; nil: all
}

func hidden(c Config) []int     { return []int{c.Hidden} }
func headDim(c Config) []int    { return []int{c.HeadDim} }
func queries(c Config) []int    { return []int{c.Heads * c.HeadDim, c.Hidden} }
func keys(c Config) []int       { return []int{c.KVHeads * c.HeadDim, c.Hidden} }
func queryBias(c Config) []int  { return queries(c)[:1] }
func keyBias(c Config) []int    { return keys(c)[:1] }
func hasBias(c Config) bool     { return c.QKVBias }
func hasHeadNorm(c Config) bool { return c.HeadNorm }

// modules are what each layer of a Llama or a Qwen holds.
var modules = []module{
	{"input_layernorm.weight", "attn_norm.weight", hidden, nil},
	{"self_attn.q_proj.weight", "attn_q.weight", queries, nil},
	{"self_attn.q_proj.bias", "attn_q.bias", queryBias, hasBias},
	{"self_attn.q_norm.weight", "attn_q_norm.weight", headDim, hasHeadNorm},
	{"self_attn.k_proj.weight", "attn_k.weight", keys, nil},
	{"self_attn.k_proj.bias", "attn_k.bias", keyBias, hasBias},
	{"self_attn.k_norm.weight", "attn_k_norm.weight", headDim, hasHeadNorm},
	{"self_attn.v_proj.weight", "attn_v.weight", keys, nil},
	{"self_attn.v_proj.bias", "attn_v.bias", keyBias, hasBias},
	{"self_attn.o_proj.weight", "attn_output.weight", func(c Config) []int { return []int{c.Hidden, c.Heads * c.HeadDim} }, nil},
	{"post_attention_layernorm.weight", "ffn_norm.weight", hidden, nil},
	{"mlp.gate_proj.weight", "ffn_gate.weight", func(c Config) []int { return []int{c.FFN, c.Hidden} }, nil},
	{"mlp.up_proj.weight", "ffn_up.weight", func(c Config) []int { return []int{c.FFN, c.Hidden} }, nil},
	{"mlp.down_proj.weight", "ffn_down.weight", func(c Config) []int { return []int{c.Hidden, c.FFN} }, nil},
}

// Shape is a tensor that a config wants.
type Shape struct {
	Name, GGUF string // in HF and in llama.cpp
	Shape      []int
}

// Shapes lists the tensors that the config wants, in the model's order.
func (c Config) Shapes() []Shape {
	if c.Encodes() {
		return c.shapesT5()
	}
	out := []Shape{{"model.embed_tokens.weight", "token_embd.weight", []int{c.Vocab, c.Hidden}}}
	for l := range c.Layers {
		for _, m := range modules {
			if m.only == nil || m.only(c) {
				out = append(out, Shape{fmt.Sprintf("model.layers.%d.%s", l, m.hf), fmt.Sprintf("blk.%d.%s", l, m.gguf), m.shape(c)})
			}
		}
	}
	out = append(out, Shape{"model.norm.weight", "output_norm.weight", hidden(c)})
	if !c.Tied {
		out = append(out, Shape{"lm_head.weight", "output.weight", []int{c.Vocab, c.Hidden}})
	}
	return out
}

// shown is how many lines of a table an error shows.
const shown = 4

// inLayers tells whether a tensor is a part of a layer, but for rotary tables
// and the bias of old T5 checkpoints that transformers does not read either.
func (c Config) inLayers(name string) bool {
	if !c.Encodes() {
		return strings.HasPrefix(name, "model.layers.") && !strings.HasSuffix(name, ".inv_freq")
	}
	return (strings.HasPrefix(name, "encoder.block.") || strings.HasPrefix(name, "decoder.block.")) && name != "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
}

// check opens every tensor that the config wants and holds its shape and type
// against it, and wants no others in the layers. The fault is a table: tensor,
// got, want.
func (c *Checkpoint) check() error {
	var bad []string
	known := map[string]bool{}
	for _, s := range c.Config.Shapes() {
		known[s.Name] = true
		if c.open[s.Name] == nil {
			bad = append(bad, fmt.Sprintf("%s: got nothing, want %v", s.Name, s.Shape))
			continue
		}
		t, err := c.Tensor(s.Name)
		if err != nil {
			return err
		}
		if got := t.Shape(); !slices.Equal(got, s.Shape) {
			bad = append(bad, fmt.Sprintf("%s: got %v, want %v", s.Name, got, s.Shape))
		} else if t.DType() == tensor.I32 {
			bad = append(bad, fmt.Sprintf("%s: got I32, want floats", s.Name))
		}
	}
	for _, n := range c.names { // a layer or a bias that would be left out makes another model
		if c.Config.inLayers(n) && !known[n] {
			bad = append(bad, fmt.Sprintf("%.120s: got it, want no such tensor", n))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	more := ""
	if n := len(bad) - shown; n > 0 {
		bad, more = bad[:shown], fmt.Sprintf(" | and %d more", n)
	}
	return fault.Inputf("base", "tensors do not fit the config: %s%s", strings.Join(bad, " | "), more).
		Next("the config and the weights do not belong together, or the folder does not hold the whole model")
}
