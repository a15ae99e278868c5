// Package inspect tells what a file or folder is: a model, an adapter, an
// inventory, a tokenizer or a file of tensors.
package inspect

import (
	"fmt"
	"sort"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/gguf"
	"handful/core/format/hf"
	"handful/core/format/peft"
	"handful/core/format/safetensors"
	"handful/core/tensor"
)

// Summary describes files. Tensors are listed in the file's order.
type Summary struct {
	Kind    string            `json:"kind"`   // model, inventory, adapter, tensors
	Format  string            `json:"format"` // gguf, hf, peft-poly, peft-lora, safetensors
	Config  map[string]string `json:"config,omitempty"`
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

// Describe looks at a folder or a single file.
func Describe(f format.Folder) (*Summary, error) {
	if _, ok := f.Find("adapter_config.json"); ok {
		return adapter(f)
	}
	if _, ok := f.Find("config.json"); ok {
		return model(f)
	}
	if len(f) == 0 {
		return nil, fault.Inputf("inspect", "no files")
	}
	for _, b := range f {
		switch format.SniffBlob(b) {
		case "gguf":
			return model(format.Folder{b})
		case "safetensors":
			if len(f) == 1 {
				return tensors(b)
			}
		}
	}
	if len(f) == 1 {
		return nil, format.NotA("inspect", "a model, an adapter, an inventory or examples", f[0])
	}
	return nil, fault.Inputf("inspect", "got %s; want a model, an adapter or an inventory", f.Names())
}

func (s *Summary) add(name, dtype string, shape []int, bytes int64) {
	s.Tensors = append(s.Tensors, Tensor{name, dtype, shape})
	s.Params += int64(tensor.Numel(shape))
	s.Bytes[dtype] += bytes
}

func model(f format.Folder) (*Summary, error) {
	c, err := hf.Open(f)
	if err != nil {
		return nil, err
	}
	s := &Summary{Kind: "model", Format: "hf", Bytes: map[string]int64{}}
	k := c.Config
	s.Config = map[string]string{"name": c.Name, "licence": c.Licence, "model_type": k.ModelType, "layers": fmt.Sprint(k.Layers), "hidden": fmt.Sprint(k.Hidden),
		"ffn": fmt.Sprint(k.FFN), "heads": fmt.Sprintf("%d/%d of %d", k.Heads, k.KVHeads, k.HeadDim), "vocabulary": fmt.Sprint(k.Vocab),
		"context": fmt.Sprint(k.Context), "rope_theta": fmt.Sprint(k.RopeTheta), "tied": fmt.Sprint(k.Tied)}
	if len(f) == 1 && format.SniffBlob(f[0]) == "gguf" {
		s.Format = "gguf"
		g, err := gguf.Open(f[0])
		if err != nil {
			return nil, err
		}
		for _, key := range []string{"tokenizer.ggml.model", "tokenizer.ggml.pre"} {
			s.Config[key] = g.String(key)
		}
	}
	for _, n := range c.Names() {
		t, err := c.Tensor(n)
		if err != nil {
			return nil, err
		}
		s.add(n, t.DType().String(), t.Shape(), int64(t.DType().Bytes(t.Shape()...)))
	}
	return s, nil
}

func adapter(f format.Folder) (*Summary, error) {
	s := &Summary{Kind: "adapter", Bytes: map[string]int64{}, Config: map[string]string{}}
	kind, err := peft.Type(f)
	if err != nil {
		return nil, err
	}
	if kind == "POLY" {
		inv, err := peft.ReadInventory(f)
		if err != nil {
			return nil, err
		}
		if err := inv.CheckSplits(); err != nil {
			return nil, err
		}
		s.Kind, s.Format = "inventory", "peft-poly"
		s.Config = map[string]string{"skills": fmt.Sprint(inv.Skills), "splits": fmt.Sprint(inv.Splits), "rank": fmt.Sprint(inv.Rank),
			"tasks": fmt.Sprint(inv.Tasks), "sites": fmt.Sprint(len(inv.Sites)), "target_modules": strings.Join(inv.Targets, " "), "base": inv.Base}
		if inv.Manifest != nil {
			s.Config["name"], s.Config["trained on"] = inv.Manifest.Name, strings.Join(inv.Manifest.Tasks, " ")
		}
	} else {
		l, err := peft.ReadLoRA(f)
		if err != nil {
			return nil, err
		}
		s.Format = "peft-lora"
		s.Config = map[string]string{"rank": fmt.Sprint(l.Rank), "sites": fmt.Sprint(len(l.Sites)), "target_modules": strings.Join(l.Targets, " "), "base": l.Base}
	}
	b, _ := f.Find("adapter_model.safetensors") // both readers have opened it
	w, err := tensors(b)
	if err != nil {
		return nil, err
	}
	s.Tensors, s.Params, s.Bytes = w.Tensors, w.Params, w.Bytes
	return s, nil
}

func tensors(b format.Blob) (*Summary, error) {
	f, err := safetensors.Open(b)
	if err != nil {
		return nil, err
	}
	s := &Summary{Kind: "tensors", Format: "safetensors", Config: f.Metadata, Bytes: map[string]int64{}}
	for _, n := range f.Names() {
		shape, dtype := f.Shape(n)
		s.add(n, dtype, shape, f.Size(n))
	}
	return s, nil
}

// Text is the summary for people.
func (s *Summary) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), %d parameters in %d tensors\n", s.Kind, s.Format, s.Params, len(s.Tensors))
	for _, k := range sorted(s.Config) {
		if s.Config[k] != "" {
			fmt.Fprintf(&b, "  %-22s %s\n", k, s.Config[k])
		}
	}
	for _, k := range sorted(s.Bytes) {
		fmt.Fprintf(&b, "  %-22s %d bytes\n", k, s.Bytes[k])
	}
	for _, t := range s.Tensors {
		fmt.Fprintf(&b, "%-60s %-5s %v\n", t.Name, t.DType, t.Shape)
	}
	return b.String()
}

func sorted[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
