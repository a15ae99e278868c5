package hf

import (
	"encoding/json"
	"sort"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/gguf"
	"handful/core/format/safetensors"
	"handful/core/tensor"
	"handful/core/text"
)

// maxJSON bounds config.json and the shard index; tokenizer.json may be larger.
const (
	maxJSON      = 16 << 20
	maxTokenizer = 64 << 20
)

// Checkpoint is an open base model.
type Checkpoint struct {
	Config  Config
	Name    string // as the file calls itself, or its name
	Licence string // "" when it does not say
	open    map[string]func() (tensor.Source, error)
	names   []string
	bytes   int64
	tok     func() (text.Tokenizer, error)
}

// Names lists the tensors by their HF names, sorted.
func (c *Checkpoint) Names() []string { return c.names }

// Bytes is the size of all tensors at rest.
func (c *Checkpoint) Bytes() int64 { return c.bytes }

// Tensor opens a tensor by its HF name.
func (c *Checkpoint) Tensor(name string) (tensor.Source, error) {
	if f := c.open[name]; f != nil {
		return f()
	}
	return nil, fault.Inputf("base", "no tensor %q", name).Next("the folder does not hold the whole model")
}

// Tokenizer reads the checkpoint's tokenizer; nil when it has none.
func (c *Checkpoint) Tokenizer() (text.Tokenizer, error) {
	if c.tok == nil {
		return nil, nil
	}
	return c.tok()
}

// Open opens a base model: a folder with config.json and safetensors, or a
// GGUF file.
func Open(f format.Folder) (*Checkpoint, error) {
	if cfg, ok := f.Find("config.json"); ok {
		return openFolder(f, cfg)
	}
	for _, b := range f {
		if format.SniffBlob(b) == "gguf" {
			return openGGUF(b)
		}
	}
	if len(f) == 1 {
		return nil, format.NotA("base", "a GGUF file or a folder with config.json", f[0])
	}
	return nil, fault.Inputf("base", "got %s; want config.json with model.safetensors, or a .gguf", f.Names()).Next("choose the folder of a model")
}

func openFolder(f format.Folder, cfg format.NamedBlob) (*Checkpoint, error) {
	raw, err := format.ReadAll(op, cfg, maxJSON)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{open: map[string]func() (tensor.Source, error){}}
	if c.Config, err = parseConfig(raw); err != nil {
		return nil, err
	}
	var head struct {
		Name string `json:"_name_or_path"`
	}
	if json.Unmarshal(raw, &head) == nil {
		c.Name = head.Name
	}
	if c.Name == "" {
		c.Name = c.Config.ModelType
	}
	if err := c.weights(f); err != nil {
		return nil, err
	}
	if t, ok := f.Find("tokenizer.json"); ok {
		c.tok = func() (text.Tokenizer, error) {
			b, err := format.ReadAll("tokenizer.json", t, maxTokenizer)
			if err != nil {
				return nil, err
			}
			return text.FromJSON(b)
		}
	}
	return c, nil
}

// weights opens model.safetensors, or exactly the shards that the index names.
func (c *Checkpoint) weights(f format.Folder) error {
	add := func(b format.Blob, only map[string]bool) error {
		s, err := safetensors.Open(b)
		if err != nil {
			return err
		}
		for _, n := range s.Names() {
			if only != nil && !only[n] {
				continue
			}
			name := n
			c.open[name] = func() (tensor.Source, error) { return s.Tensor(name) }
			c.names = append(c.names, name)
		}
		c.bytes += b.Size()
		sort.Strings(c.names)
		return nil
	}
	if b, ok := f.Find("model.safetensors"); ok {
		return add(b, nil)
	}
	ix, ok := f.Find("model.safetensors.index.json")
	if !ok {
		for _, ext := range []string{".bin", ".pt", ".pth", ".ckpt"} {
			if p := f.Ext(ext); len(p) > 0 {
				return fault.Unsupportedf("base", "%s is a pickle, which can run code; want safetensors", p[0].Name).Next("convert it to safetensors first")
			}
		}
		return fault.Inputf("base", "got %s; want model.safetensors or model.safetensors.index.json", f.Names()).Next("choose the whole folder of the model")
	}
	raw, err := format.ReadAll("model.safetensors.index.json", ix, maxJSON)
	if err != nil {
		return err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil || len(index.Map) == 0 {
		return fault.Inputf("model.safetensors.index.json", "no weight_map (%v)", err)
	}
	shards := map[string]map[string]bool{}
	for name, file := range index.Map {
		if shards[file] == nil {
			shards[file] = map[string]bool{}
		}
		shards[file][name] = true
	}
	var missing []string
	for file := range shards {
		if _, ok := f.Find(file); !ok || strings.ContainsAny(file, "/\\") {
			missing = append(missing, file)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return fault.Inputf("base", "the index names %s, which the folder does not hold", strings.Join(missing, ", ")).Next("get the missing shards")
	}
	for file, names := range shards {
		b, _ := f.Find(file)
		if err := add(b, names); err != nil {
			return err
		}
		for n := range names {
			if c.open[n] == nil {
				missing = append(missing, n+" in "+file)
			}
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return fault.Inputf("base", "the index names %s, which is not there", strings.Join(missing[:min(4, len(missing))], ", "))
	}
	return nil
}

// openGGUF maps llama.cpp's names and layouts to HF's.
func openGGUF(b format.NamedBlob) (*Checkpoint, error) {
	g, err := gguf.Open(b)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Name: g.String("general.name"), Licence: g.String("general.license"), open: map[string]func() (tensor.Source, error){}, bytes: g.Bytes()}
	if c.Name == "" {
		c.Name = b.Name
	}
	if c.Config, err = ggufConfig(g); err != nil {
		return nil, err
	}
	for hf, name := range ggufNames(c.Config) {
		if !g.Has(name) {
			continue
		}
		rows, heads := name, 0
		switch {
		case strings.HasSuffix(name, "attn_q.weight"):
			heads = c.Config.Heads
		case strings.HasSuffix(name, "attn_k.weight"):
			heads = c.Config.KVHeads
		}
		c.open[hf] = func() (tensor.Source, error) {
			s, err := g.Tensor(rows)
			if err != nil || heads == 0 {
				return s, err
			}
			return halfSplit(s, heads)
		}
		c.names = append(c.names, hf)
	}
	sort.Strings(c.names)
	if tokens := g.Strings("tokenizer.ggml.tokens"); tokens != nil {
		c.tok = func() (text.Tokenizer, error) { return ggufTokenizer(g, tokens) }
	}
	return c, nil
}
