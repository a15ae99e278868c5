package engine

import (
	"bytes"
	"encoding/json"
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/hf"
	"handful/core/format/safetensors"
	"handful/core/model"
	"handful/core/tensor"
)

// openBase opens the base that o asks for.
func openBase(o OpenOptions) (*hf.Checkpoint, error) {
	if o.RandomBase {
		return hf.Random(o.Base, o.Seed)
	}
	c, err := hf.Open(o.Base)
	if err == nil && o.TrainBase && c.GGUF != nil {
		return nil, fault.Unsupportedf("base", "a GGUF file's weights can't be trained").Next("give the Hugging Face folder of the model")
	}
	return c, err
}

// weightsOf gives a base's weights: as they are stored, or as F32 to be trained.
func weightsOf(o OpenOptions, w model.Weights) model.Weights {
	if o.TrainBase {
		return widened{w}
	}
	return w
}

// widened gives every weight as F32.
type widened struct{ model.Weights }

func (w widened) Tensor(name string) (tensor.Source, error) {
	s, err := w.Weights.Tensor(name)
	if err != nil || s.DType() == tensor.F32 {
		return s, err
	}
	v, err := tensor.ReadF32(s)
	if err != nil {
		return nil, fault.From("base", err)
	}
	return tensor.F32Source(v, s.Shape()...), nil
}

// beside are the files of a model that training leaves as they are.
var beside = []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
	"tokenizer.model", "generation_config.json", "chat_template.jinja", "LICENSE", "LICENSE.txt"}

// maxBeside bounds each of them.
const maxBeside = 64 << 20

// baseFolder is the trained base as a Hugging Face folder: its config with the
// type of the weights, the weights, and the tokenizer's files as they were.
func (e *Engine) baseFolder(values map[string][]float32, half bool) ([]File, error) {
	cfg, o, ok, err := e.base.FindObject("config.json", "config.json", "model_type")
	if err != nil || !ok {
		return nil, fault.From("config.json", err)
	}
	dtype := "float32"
	if half {
		dtype = "float16"
	}
	set := func(key string, v any) {
		o[key], err = json.Marshal(v) // text and truth values can be encoded
	}
	set("torch_dtype", dtype)
	set("dtype", dtype)
	set("tie_word_embeddings", e.model.Config().Tied)
	var config bytes.Buffer
	enc := json.NewEncoder(&config)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil {
		return nil, fault.From("config.json", err)
	}
	var ts []safetensors.Tensor
	for _, v := range e.model.Vars() {
		ts = append(ts, safetensors.Tensor{Name: v.Name, Shape: v.Shape, Data: values[v.Name]})
	}
	weights, err := safetensors.Encode(ts, nil)
	if err == nil && half {
		weights, err = safetensors.Narrow(weights)
	}
	if err != nil {
		return nil, err
	}
	files := []File{{"base/config.json", config.Bytes()}, {"base/model.safetensors", weights}}
	for _, b := range e.base.Beside(cfg.Name) {
		if slices.Contains(beside, b.Name) {
			raw, err := format.ReadAll("base", b, maxBeside)
			if err != nil {
				return nil, format.In(b.Name, err)
			}
			files = append(files, File{"base/" + b.Name, raw})
		}
	}
	return files, nil
}
