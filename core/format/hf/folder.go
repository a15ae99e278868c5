package hf

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"

	"handful/core/fault"
	"handful/core/format"
)

// sidecars are the files of a model's folder that go with its weights as they
// are.
var sidecars = []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
	"tokenizer.model", "spiece.model", "generation_config.json", "chat_template.jinja", "LICENSE", "LICENSE.txt"}

// maxSidecar bounds each of them.
const maxSidecar = 64 << 20

// File is a small file of a model's folder.
type File struct {
	Name  string
	Bytes []byte
}

// Files are the files of a Hugging Face folder for the checkpoint but its
// weights: config.json, with dtype ("float32", "float16", "bfloat16") and
// whether the head is tied, and the tokenizer's. f is the folder that it was
// opened from; those of a GGUF file are made.
func (c *Checkpoint) Files(f format.Folder, dtype string) ([]File, error) {
	if c.GGUF != nil {
		return c.ggufFiles(dtype)
	}
	cfg, o, ok, err := f.FindObject(op, "config.json", "model_type")
	if err != nil || !ok {
		return nil, fault.From(op, err)
	}
	files := []File{}
	raw, err := configJSON(o, map[string]any{"torch_dtype": dtype, "dtype": dtype, "tie_word_embeddings": c.Config.Tied})
	if err != nil {
		return nil, err
	}
	files = append(files, File{"config.json", raw})
	for _, b := range f.Beside(cfg.Name) {
		name := path.Base(b.Name)
		if slices.Contains(sidecars, name) {
			raw, err := format.ReadAll("base", b, maxSidecar)
			if err != nil {
				return nil, format.In(b.Name, err)
			}
			files = append(files, File{name, raw})
		}
	}
	return files, nil
}

// ggufFiles are those of a GGUF file.
func (c *Checkpoint) ggufFiles(dtype string) ([]File, error) {
	keys := c.llamaConfig
	if c.Config.Encodes() {
		keys = c.t5Config
	}
	set, err := keys()
	if err != nil {
		return nil, err
	}
	set["torch_dtype"], set["dtype"], set["tie_word_embeddings"] = dtype, dtype, c.Config.Tied
	raw, err := configJSON(format.Object{}, set)
	if err != nil {
		return nil, err
	}
	files := []File{{"config.json", raw}}
	if c.tok == nil {
		return files, nil
	}
	tokenizer, config, err := ggufVocab(c.GGUF).JSON()
	if err != nil {
		return nil, err
	}
	return append(files, File{"tokenizer.json", tokenizer}, File{"tokenizer_config.json", config}), nil
}

// configJSON is an object with some keys set.
func configJSON(o format.Object, set map[string]any) ([]byte, error) {
	all := map[string]any{}
	for k, v := range o {
		all[k] = v
	}
	for k, v := range set {
		all[k] = v
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(all); err != nil {
		return nil, fault.From(op, err)
	}
	return b.Bytes(), nil
}
