// Package inspect tells what a file or folder is: a model, an adapter, an
// inventory, a file of tensors or of examples.
package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	adapters "handful/core/format/adapter"
	"handful/core/format/gguf"
	"handful/core/format/hf"
	"handful/core/format/peft"
	"handful/core/format/safetensors"
	"handful/core/skill"
	"handful/core/tensor"
)

// Summary describes files. A model's tensors bear their HF names where it can
// be opened, else those of its file.
type Summary struct {
	Kind    string            `json:"kind"`           // model, inventory, adapter, tensors, examples
	Format  string            `json:"format"`         // gguf, hf, peft-poly, peft-lora, peft-ia3, peft, mttl, safetensors, jsonl, text
	Note    string            `json:"note,omitempty"` // why it can be described but not used
	Config  map[string]string `json:"config,omitempty"`
	Rows    int               `json:"rows,omitempty"` // of examples
	Params  int64             `json:"params"`
	Bytes   map[string]int64  `json:"bytes"` // by element type
	Tensors []Tensor          `json:"tensors"`
}

// Tensor is one tensor of a file.
type Tensor struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// Describe looks at a folder or a single file. What is sound but not supported
// is described with a note; what is broken is a fault.
func Describe(f format.Folder) (*Summary, error) {
	f, err := f.Expand()
	if err != nil {
		return nil, err
	}
	s, err := describe(f)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func describe(f format.Folder) (*Summary, error) {
	if len(f) == 0 {
		return nil, fault.Inputf("inspect", "no files")
	}
	if b, o, ok, err := f.FindObject("adapter_config.json", "adapter_config.json", "peft_type"); err != nil {
		return nil, err
	} else if ok {
		return adapter(f.Beside(b.Name), o)
	}
	if b, o, ok, err := f.FindObject("config.json", "config.json", "model_type"); err != nil {
		return nil, err
	} else if ok {
		return folder(f.Beside(b.Name), o)
	}
	if g := f.Kind("gguf"); len(g) > 0 {
		return ggufModel(g[0])
	}
	if len(f.Kind("pickle")) > 0 {
		return mttlFile(f)
	}
	if len(f) > 1 {
		return nil, fault.Inputf("inspect", "got %s; want a model, an adapter or an inventory", f.Names()).Next("name one file of them")
	}
	switch b := f[0]; format.SniffBlob(b) {
	case "safetensors":
		s := newSummary("tensors", "safetensors")
		return s, s.safetensors(b)
	case "json", "text":
		return examples(b)
	default:
		return nil, format.NotA("inspect", "a model, an adapter, an inventory or examples", b)
	}
}

func newSummary(kind, format string) *Summary {
	return &Summary{Kind: kind, Format: format, Config: map[string]string{}, Bytes: map[string]int64{}, Tensors: []Tensor{}}
}

func (s *Summary) add(name, dtype string, shape []int, bytes int64) {
	s.Tensors = append(s.Tensors, Tensor{name, dtype, shape})
	s.Params += int64(tensor.Numel(shape))
	s.Bytes[dtype] += bytes
}

// safetensors adds a file's tensors and metadata.
func (s *Summary) safetensors(b format.NamedBlob) error {
	f, err := safetensors.Open(b)
	if err != nil {
		return format.In(b.Name, err)
	}
	for k, v := range f.Metadata {
		s.Config[k] = v
	}
	for _, n := range f.Names() {
		shape, dtype := f.Shape(n)
		s.add(n, dtype, shape, f.Size(n))
	}
	return nil
}

// unsupported keeps an Unsupported fault as a note and gives every other back.
func (s *Summary) unsupported(err error) error {
	if !fault.Is(err, fault.Unsupported) {
		return err
	}
	s.Note = err.Error()
	return nil
}

// folder is an HF checkpoint; where its family is not supported, its config
// and the tensors of its files.
func folder(f format.Folder, o format.Object) (*Summary, error) {
	s := newSummary("model", "hf")
	c, err := hf.Open(f)
	if err == nil {
		return s, s.checkpoint(c)
	}
	if err := s.unsupported(err); err != nil {
		return nil, err
	}
	for k, v := range o {
		if len(v) <= 40 && !strings.ContainsAny(string(v[:1]), "[{") {
			s.Config[k] = strings.Trim(string(v), `"`)
		}
	}
	files := f.Kind("safetensors")
	if b, ok := f.Find("model.safetensors"); ok {
		files = format.Folder{b}
	}
	for _, b := range files {
		if err := s.safetensors(b); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// checkpoint describes a model that opens.
func (s *Summary) checkpoint(c *hf.Checkpoint) error {
	k := c.Config
	s.Config = map[string]string{"name": c.Name, "licence": c.Licence, "model_type": k.ModelType, "layers": fmt.Sprint(k.Layers), "hidden": fmt.Sprint(k.Hidden),
		"ffn": fmt.Sprint(k.FFN), "heads": fmt.Sprintf("%d/%d of %d", k.Heads, k.KVHeads, k.HeadDim), "vocabulary": fmt.Sprint(k.Vocab),
		"context": fmt.Sprint(k.Context), "tied": fmt.Sprint(k.Tied)}
	if k.Encodes() {
		s.Config["layers"] = fmt.Sprintf("%d and %d of the encoder", k.Layers, k.EncoderLayers)
		s.Config["feed-forward"] = k.Act
	} else {
		s.Config["rope_theta"] = fmt.Sprint(k.RopeTheta)
	}
	for _, n := range c.Names() {
		t, err := c.Tensor(n)
		if fault.Is(err, fault.Unsupported) {
			continue // one that the model does not use, such as a buffer of integers
		}
		if err != nil {
			return err
		}
		s.add(n, t.DType().String(), t.Shape(), int64(t.DType().Bytes(t.Shape()...)))
	}
	return nil
}

// ggufModel describes a GGUF file; where it cannot be used, as it stands.
func ggufModel(b format.NamedBlob) (*Summary, error) {
	s := newSummary("model", "gguf")
	c, err := hf.ReadGGUF(b)
	if err == nil {
		if err := s.checkpoint(c); err != nil {
			return nil, err
		}
		for _, key := range []string{"tokenizer.ggml.model", "tokenizer.ggml.pre"} {
			s.Config[key] = c.GGUF.String(key)
		}
		return s, nil
	}
	if err := s.unsupported(err); err != nil {
		return nil, err
	}
	g, err := gguf.Open(b)
	if err != nil {
		return s, s.unsupported(err) // not even its tensors can be listed
	}
	for _, key := range []string{"general.name", "general.architecture", "general.type", "general.license", "tokenizer.ggml.model"} {
		s.Config[key] = g.String(key)
	}
	for _, n := range g.Names() {
		shape, kind := g.Shape(n)
		s.add(n, kind, shape, g.Size(n))
	}
	return s, nil
}

// adapter is a PEFT folder; of another peft_type its config and tensors.
func adapter(f format.Folder, o format.Object) (*Summary, error) {
	s := newSummary("adapter", "peft")
	var err error
	switch string(o["peft_type"]) {
	case `"POLY"`:
		s.Kind, s.Format = "inventory", "peft-poly"
		err = s.inventory(f)
	case `"LORA"`:
		s.Format = "peft-lora"
		err = s.single(f)
	case `"IA3"`:
		s.Format = "peft-ia3"
		err = s.ia3(f)
	default:
		err = fault.Unsupportedf("adapter", "peft_type is %.40s, want POLY, LORA or IA3", o["peft_type"])
	}
	if err := s.unsupported(err); err != nil {
		return nil, err
	}
	b, ok := f.Find("adapter_model.safetensors")
	if !ok {
		if st := f.Kind("safetensors"); len(st) > 0 {
			b, ok = st[0], true
		}
	}
	if !ok {
		return s, nil
	}
	return s, s.safetensors(b)
}

// mttlFile is a checkpoint of mttl.
func mttlFile(f format.Folder) (*Summary, error) {
	s := newSummary("adapter", "mttl")
	a, err := adapters.Open(f)
	if err != nil {
		return s, s.unsupported(err)
	}
	f32 := func(name string, shape ...int) { s.add(name, "F32", shape, 4*int64(tensor.Numel(shape))) }
	switch {
	case a.Inventory != nil:
		inv := a.Inventory
		s.Kind = "inventory"
		s.skills(inv)
		if inv.Selector != "" {
			s.Config["selector"] = string(inv.Selector)
		}
		for _, x := range inv.Sites {
			q, k, d := inv.Splits, inv.Skills, inv.Dims[x]
			f32(x+".lora_a", q, k, d[0]/q, inv.Rank)
			f32(x+".lora_b", q, k, inv.Rank, d[1]/q)
			f32(x+".selector.module_logits", inv.Tasks, q*k)
		}
	case a.Single != nil:
		s.one(a.Single)
		for _, x := range a.Single.Sites {
			d := a.Single.Dims[x]
			f32(x+".lora_a", d[0], a.Single.Rank)
			f32(x+".lora_b", a.Single.Rank, d[1])
		}
	default:
		s.vectors(a.IA3)
		for _, x := range a.IA3.Sites {
			f32(x+".multi_lora_b", len(a.IA3.Scale[x]))
		}
	}
	s.Config["name"] = a.Name
	return s, nil
}

func (s *Summary) inventory(f format.Folder) error {
	inv, err := peft.ReadInventory(f)
	if err != nil {
		return err
	}
	if err := inv.CheckSplits(); err != nil {
		return err
	}
	s.skills(inv)
	return nil
}

func (s *Summary) skills(inv *skill.Inventory) {
	s.Config = map[string]string{"skills": fmt.Sprint(inv.Skills), "splits": fmt.Sprint(inv.Splits), "rank": fmt.Sprint(inv.Rank),
		"tasks": fmt.Sprint(inv.Tasks), "sites": fmt.Sprint(len(inv.Sites)), "target_modules": few(inv.Targets), "base": inv.Base}
	if m := inv.Manifest; m != nil {
		s.Config["name"], s.Config["trained on"] = m.Name, strings.Join(m.Tasks, " ")
		if n := len(inv.Sketches); n > 0 {
			s.Config["gradients"] = fmt.Sprintf("sketches of %d training tasks", n)
		}
		for method, settings := range m.FewShot {
			var list []string
			for _, name := range slices.Sorted(maps.Keys(settings)) {
				list = append(list, name+" "+string(settings[name]))
			}
			s.Config["few-shot "+method] = strings.Join(list, ", ")
		}
	}
}

// few lists names, not hundreds of them.
func few(names []string) string {
	if len(names) > 20 {
		return fmt.Sprintf("%s … (%d)", strings.Join(names[:3], " "), len(names))
	}
	return strings.Join(names, " ")
}

func (s *Summary) single(f format.Folder) error {
	l, err := peft.ReadLoRA(f)
	if err != nil {
		return err
	}
	s.one(l)
	return nil
}

func (s *Summary) one(l *skill.Single) {
	s.Config = map[string]string{"rank": fmt.Sprint(l.Rank), "sites": fmt.Sprint(len(l.Sites)), "target_modules": few(l.Targets), "base": l.Base}
}

func (s *Summary) ia3(f format.Folder) error {
	a, err := peft.ReadIA3(f)
	if err != nil {
		return err
	}
	s.vectors(a)
	return nil
}

func (s *Summary) vectors(a *skill.IA3) {
	s.Config = map[string]string{"sites": fmt.Sprint(len(a.Sites)), "target_modules": few(a.Targets),
		"feedforward_modules": strings.Join(a.Feedforward, " "), "base": a.Base}
}
