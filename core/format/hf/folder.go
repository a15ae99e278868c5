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

// ggufFiles are those of a Llama in a GGUF file.
func (c *Checkpoint) ggufFiles(dtype string) ([]File, error) {
	k := c.Config
	rope := map[string]any{"rope_type": "default", "rope_theta": k.RopeTheta}
	if s := k.RopeStretch; s != nil {
		if slices.Max(s) != slices.Min(s) {
			return nil, fault.Unsupportedf(op, "the file's rotary scaling has no name in a config").Next("give the Hugging Face folder of the model as the base")
		}
		rope["rope_type"], rope["factor"] = "linear", s[0]
	}
	set := map[string]any{"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_act": "silu", "vocab_size": k.Vocab, "hidden_size": k.Hidden,
		"intermediate_size": k.FFN, "num_hidden_layers": k.Layers, "num_attention_heads": k.Heads, "num_key_value_heads": k.KVHeads, "head_dim": k.HeadDim,
		"max_position_embeddings": k.Context, "rms_norm_eps": k.Eps, "rope_theta": k.RopeTheta, "rope_parameters": rope, "attention_bias": false, "mlp_bias": false,
		"tie_word_embeddings": k.Tied, "torch_dtype": dtype, "dtype": dtype}
	if k.RopeStretch != nil {
		set["rope_scaling"] = rope
	}
	for key, ids := range map[string][]int{"bos_token_id": k.BOS, "eos_token_id": k.EOS} {
		switch len(ids) {
		case 0:
			set[key] = nil
		case 1:
			set[key] = ids[0]
		default:
			set[key] = ids
		}
	}
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
