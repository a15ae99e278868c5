package hf

import (
	"io"
	"strings"

	"handful/core/fault"
	"handful/core/format/gguf"
	"handful/core/skill"
	"handful/core/tensor"
)

// WriteGGUFLoRA writes a LoRA as llama.cpp reads it (src/llama-adapter.cpp; what
// its convert_lora_to_gguf.py writes): NAME.lora_a [r, in] and NAME.lora_b
// [out, r] for each linear by its name in llama.cpp, F32, scaled by
// adapter.lora.alpha over r. The rows of q and k stand as rotating neighbours
// want them, see permuted.
func WriteGGUFLoRA(w io.Writer, c Config, s *skill.Single, name string) error {
	const op = "gguf-lora"
	arch := c.ModelType
	if c.Encodes() {
		arch = "t5" // mT5 too
	}
	names := map[string]string{}
	for _, x := range c.Shapes() {
		names[strings.TrimSuffix(x.Name, ".weight")] = x.GGUF
	}
	kv := []gguf.KV{{Key: "general.architecture", Value: arch}, {Key: "general.type", Value: "adapter"}, {Key: "adapter.type", Value: "lora"},
		{Key: "adapter.lora.alpha", Value: float32(1)}}
	if name != "" {
		kv = append(kv, gguf.KV{Key: "general.name", Value: name})
	}
	var ts []gguf.Tensor
	for _, site := range s.Sites {
		to := names[site]
		if to == "" {
			return fault.Inputf(op, "the base has no %.160s", site).Next("use the base that the adapter was made for")
		}
		d := s.Dims[site]
		b := transpose(s.B[site], s.Rank, d[1])
		if heads := c.rotating(to); heads > 0 {
			b = neighbours(b, heads, s.Rank)
		}
		ts = append(ts, gguf.Tensor{Name: to + ".lora_a", Source: tensor.F32Source(transpose(s.A[site], d[0], s.Rank), s.Rank, d[0])},
			gguf.Tensor{Name: to + ".lora_b", Source: tensor.F32Source(b, d[1], s.Rank)})
	}
	return gguf.Write(w, kv, ts)
}

// rotating is how many heads a matrix's rows have that rotary embedding turns;
// 0 where it turns none.
func (c Config) rotating(ggufName string) int {
	switch {
	case c.ModelType != "llama": // a Qwen keeps HF's halves
		return 0
	case strings.HasSuffix(ggufName, ".attn_q.weight"):
		return c.Heads
	case strings.HasSuffix(ggufName, ".attn_k.weight"):
		return c.KVHeads
	}
	return 0
}

// neighbours puts a head's rows as llama.cpp has them: row i of its first half
// to 2i, of its second half to 2i+1.
func neighbours(v []float32, heads, cols int) []float32 {
	out := make([]float32, len(v))
	head := len(v) / cols / heads
	for row := range len(v) / cols {
		h, i := row/head, row%head
		to := h*head + i%(head/2)*2 + i/(head/2)
		copy(out[to*cols:(to+1)*cols], v[row*cols:(row+1)*cols])
	}
	return out
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(v []float32, rows, cols int) []float32 {
	out := make([]float32, len(v))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = v[r*cols+c]
		}
	}
	return out
}
