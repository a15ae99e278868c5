package hf

import (
	"sort"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/gguf"
	"handful/core/model"
	"handful/core/tensor"
	"handful/core/text"
)

// ReadGGUF opens a GGUF file under HF's names and layouts.
func ReadGGUF(b format.NamedBlob) (*Checkpoint, error) {
	g, err := gguf.Open(b)
	if err != nil {
		return nil, format.In(b.Name, err)
	}
	c := &Checkpoint{GGUF: g, Parts: format.Folder{b}, Name: g.String("general.name"), Licence: g.String("general.license"), open: map[string]func() (tensor.Source, error){}, bytes: g.Bytes()}
	if c.Name == "" {
		c.Name = b.Name
	}
	if c.Config, err = ggufConfig(g); err != nil {
		return nil, format.In(b.Name, fault.Or(err, "choose another model, or convert this one again"))
	}
	known := map[string]bool{ropeFreqs: true}
	if c.Config.Encodes() {
		known = map[string]bool{unreadBias: true, "output.weight": true}
	}
	for _, s := range c.Config.Shapes() {
		known[s.GGUF] = true
		if !g.Has(s.GGUF) {
			continue
		}
		heads := c.Config.rotating(s.GGUF)
		c.open[s.Name] = func() (tensor.Source, error) {
			t, err := g.Tensor(s.GGUF)
			if err != nil || heads == 0 {
				return t, err
			}
			return halfSplit(t, heads)
		}
		c.names = append(c.names, s.Name)
	}
	for _, n := range g.Names() {
		if !known[n] {
			return nil, fault.Unsupportedf("gguf", "%s: tensor %.120q is no part of a plain %s", b.Name, n, c.Config.family()).Next("choose a model without it")
		}
	}
	sort.Strings(c.names)
	if g.Strings("tokenizer.ggml.tokens") != nil {
		c.tok = func() (text.Tokenizer, error) { return text.FromGGUF(ggufVocab(g)) }
	}
	return c, fault.Or(c.check(), "the file is damaged, or not a plain "+c.Config.family()+"; choose another one")
}

// ggufConfig reads the metadata.
func ggufConfig(g *gguf.File) (Config, error) {
	arch := g.String("general.architecture")
	read := ggufFamilies[arch]
	switch {
	case arch == "t5encoder":
		return Config{Config: model.Config{ModelType: arch}}, fault.Unsupportedf("gguf", "architecture \"t5encoder\": an encoder alone").Next("choose a T5 with its decoder")
	case read == nil:
		return Config{Config: model.Config{ModelType: arch}}, fault.Unsupportedf("gguf", "architecture %.60q, want llama, qwen2, qwen3 or t5", arch).
			Next("choose a Llama-family model such as SmolLM2, TinyLlama Qwen2.5 or Qwen3, or a T5")
	}
	if t := g.String("general.type"); t != "" && t != "model" {
		return Config{}, fault.Unsupportedf("gguf", "general.type %.60q, want model", t)
	}
	if n, _ := g.Int("split.count"); n > 1 {
		return Config{}, fault.Unsupportedf("gguf", "one of %d parts", n).Next("join them with llama.cpp's gguf-split --merge")
	}
	return read(g)
}

// ggufFamilies are the readers of metadata by general.architecture.
var ggufFamilies = map[string]func(g *gguf.File) (Config, error){"llama": ggufLlama, "qwen2": ggufLlama, "qwen3": ggufLlama, "t5": ggufT5}

// ggufSizes reads sizes that are one number for all layers.
func ggufSizes(g *gguf.File, arch string, sizes map[string]*int) error {
	for key, p := range sizes {
		v, ok := g.Int(arch + key)
		if _, there := g.Keys()[arch+key]; there && !ok {
			return fault.Unsupportedf("gguf", "%s is %.40v, want one number for all layers", arch+key, g.Keys()[arch+key])
		} else if there {
			*p = v
		}
	}
	return nil
}

// ggufLlama reads a llama's, a qwen2's or a qwen3's metadata.
func ggufLlama(g *gguf.File) (Config, error) {
	arch := g.String("general.architecture")
	c := Config{Config: model.Config{ModelType: arch, RopeTheta: 10000, Eps: 1e-5, Tied: !g.Has("output.weight"), QKVBias: arch == "qwen2", HeadNorm: arch == "qwen3"}}
	if err := ggufSizes(g, arch+".", map[string]*int{"block_count": &c.Layers, "embedding_length": &c.Hidden, "feed_forward_length": &c.FFN,
		"attention.head_count": &c.Heads, "attention.head_count_kv": &c.KVHeads, "context_length": &c.Context}); err != nil {
		return c, err
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	if k, ok := g.Int(arch + ".attention.key_length"); ok {
		c.HeadDim = k
	}
	if v, ok := g.Float(arch + ".rope.freq_base"); ok {
		c.RopeTheta = v
	}
	if v, ok := g.Float(arch + ".attention.layer_norm_rms_epsilon"); ok {
		c.Eps = v
	}
	if err := ggufExtras(g, c); err != nil {
		return c, err
	}
	if shape, _ := g.Shape("token_embd.weight"); len(shape) == 2 {
		c.Vocab = shape[0]
	}
	for _, k := range []string{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"} {
		if id, ok := g.Int(k); ok {
			c.EOS = append(c.EOS, id)
		}
	}
	if id, ok := g.Int("tokenizer.ggml.bos_token_id"); ok {
		c.BOS = []int{id}
	}
	if err := c.check("gguf"); err != nil {
		return c, err
	}
	return c, ggufRope(g, &c)
}

// ggufExtras refuses what llama.cpp files under the same architecture and is
// another model's math.
func ggufExtras(g *gguf.File, c Config) error {
	arch := c.ModelType
	for key, plain := range map[string]int{"expert_count": 0, "attention.sliding_window": 0, "rope.dimension_count": c.HeadDim, "attention.value_length": c.HeadDim} {
		if v, ok := g.Int(arch + "." + key); ok && v != plain {
			return fault.Unsupportedf("gguf", "%s.%s is %d, want %d", arch, key, v, plain)
		}
	}
	for key, plain := range map[string]float64{"logit_scale": 1, "attention.scale": 0} {
		if v, ok := g.Float(arch + "." + key); ok && v != plain && v != 0 {
			return fault.Unsupportedf("gguf", "%s.%s is %g", arch, key, v)
		}
	}
	return nil
}
