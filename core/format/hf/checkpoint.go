package hf

import (
	"encoding/json"
	"sort"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/gguf"
	"handful/core/tensor"
	"handful/core/text"
)

// Checkpoint is an open base model, whose tensors fit its config.
type Checkpoint struct {
	Config  Config
	Name    string        // as the file calls itself, or its name
	Licence string        // "" when it does not say
	GGUF    *gguf.File    // the file behind it, with all metadata; nil for a folder
	Parts   format.Folder // files of weights, in order
	open    map[string]func() (tensor.Source, error)
	names   []string
	bytes   int64
	tok     func() (text.Tokenizer, error)
}

// Names lists the tensors by their HF names, sorted.
func (c *Checkpoint) Names() []string { return c.names }

// Bytes is the size of all tensors at rest.
func (c *Checkpoint) Bytes() int64 { return c.bytes }

// Tensor opens a tensor by its HF name. To read one that holds NaN or infinity
// is an Input fault.
func (c *Checkpoint) Tensor(name string) (tensor.Source, error) {
	if open := c.open[name]; open != nil {
		s, err := open()
		if err != nil {
			return nil, err
		}
		return format.Finite("base", name, s), nil
	}
	return nil, fault.Inputf("base", "no tensor %q", name).Next("the folder does not hold the whole model")
}

// Tokenizer reads the checkpoint's tokenizer; nil when it has none.
func (c *Checkpoint) Tokenizer() (text.Tokenizer, error) {
	if c.tok == nil {
		return nil, nil
	}
	t, err := c.tok()
	return t, fault.Or(err, "choose another base, or give input_ids and labels and leave the tokenizer out")
}

// Open opens a base model: a folder with config.json and safetensors, or a
// GGUF file. A config under another name is known by its model_type.
func Open(f format.Folder) (*Checkpoint, error) {
	cfg, o, ok, err := f.FindObject(op, "config.json", "model_type")
	if err != nil {
		return nil, err
	}
	if ok {
		return openFolder(f.Beside(cfg.Name), o)
	}
	if g := f.Kind("gguf"); len(g) == 1 {
		return ReadGGUF(g[0])
	} else if len(g) > 1 {
		return nil, fault.Inputf("base", "got %s; want one GGUF file", g.Names()).Next("choose one of them")
	}
	if len(f) == 1 {
		return nil, format.NotA("base", "a GGUF file or a folder with config.json", f[0])
	}
	if p := f.Kind("pickle"); len(p) > 0 {
		return nil, format.NotA("base", "config.json with model.safetensors, or a .gguf", p[0])
	}
	return nil, fault.Inputf("base", "got %s; want config.json with model.safetensors, or a .gguf", f.Names()).Next("choose the folder of a model")
}

func openFolder(f format.Folder, o format.Object) (c *Checkpoint, err error) {
	c = &Checkpoint{open: map[string]func() (tensor.Source, error){}}
	if c.Config, err = ParseConfig(o); err != nil {
		return nil, err
	}
	if json.Unmarshal(o["_name_or_path"], &c.Name) != nil || c.Name == "" {
		c.Name = c.Config.ModelType
	}
	if err := c.weights(f); err != nil {
		return nil, err
	}
	sort.Strings(c.names)
	// A head of its own wins over the flag: transformers 5 also writes
	// tie_word_embeddings for models that are not tied.
	c.Config.Tied = c.Config.Tied && c.open["lm_head.weight"] == nil
	c.alias("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
	c.readTokenizer(f)
	return c, c.check()
}

// alias opens one of the other names where a T5 lacks its own: files keep one of
// several names for the same tensor.
func (c *Checkpoint) alias(name string, others ...string) {
	for _, o := range others {
		if c.Config.Encodes() && c.open[name] == nil && c.open[o] != nil {
			c.open[name] = c.open[o]
		}
	}
}
