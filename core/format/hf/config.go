// Package hf opens base models: Hugging Face checkpoint folders, and GGUF
// files under the same names, so that the rest of the program knows one
// convention.
package hf

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/model"
)

const op = "config.json"

// Config is what a checkpoint says of itself, in HF's terms.
type Config struct {
	model.Config
	AttentionBias bool // q, k, v and o have biases
	MLPBias       bool // gate, up and down have biases
	DType         string
	BOS, EOS      []int
}

// caps on sizes that a config may claim: an absurd value must fail here, not
// in an allocation.
const (
	maxLayers  = 512
	maxWidth   = 1 << 17
	maxVocab   = 1 << 21
	maxContext = 1 << 24
)

// fields are the keys of LlamaConfig, Qwen2Config and Qwen3Config, of transformers 4 and 5.
type fields struct {
	Layers      int             `json:"num_hidden_layers"`
	Hidden      int             `json:"hidden_size"`
	FFN         int             `json:"intermediate_size"`
	Heads       int             `json:"num_attention_heads"`
	KVHeads     *int            `json:"num_key_value_heads"`
	HeadDim     *int            `json:"head_dim"`
	Vocab       int             `json:"vocab_size"`
	Context     *int            `json:"max_position_embeddings"`
	RopeTheta   *float64        `json:"rope_theta"`
	Partial     *float64        `json:"partial_rotary_factor"`
	Rope        json.RawMessage `json:"rope_parameters"`
	RopeScaling json.RawMessage `json:"rope_scaling"`
	Eps         *float64        `json:"rms_norm_eps"`
	Tied        bool            `json:"tie_word_embeddings"`
	AttnBias    bool            `json:"attention_bias"`
	MLPBias     bool            `json:"mlp_bias"`
	Act         *string         `json:"hidden_act"`
	Sliding     bool            `json:"use_sliding_window"`
	LayerTypes  []string        `json:"layer_types"`
	BOS         json.RawMessage `json:"bos_token_id"`
	EOS         json.RawMessage `json:"eos_token_id"`
	DType       string          `json:"dtype"`
	OldDType    string          `json:"torch_dtype"`
}

// ParseConfig reads config.json. Keys that change a model's math in a way that
// is not built are Unsupported by name.
func ParseConfig(o format.Object) (Config, error) {
	c, err := readConfig(o)
	return c, fault.Or(err, "choose another model, or the config.json that belongs to this one")
}

func readConfig(o format.Object) (Config, error) {
	var modelType string
	if json.Unmarshal(o["model_type"], &modelType) != nil || modelType == "" {
		return Config{}, fault.Inputf(op, "no model_type").Next("choose the folder of a Hugging Face model")
	}
	read := families[modelType]
	if read == nil {
		return Config{Config: model.Config{ModelType: modelType}}, fault.Unsupportedf(op, "model_type %.60q, want llama, qwen2, qwen3, t5 or mt5", modelType).
			Next("choose a Llama-family model such as SmolLM2, TinyLlama Qwen2.5 or Qwen3, or a T5")
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return Config{}, fault.From(op, err)
	}
	if q := o["quantization_config"]; given(q) {
		var method struct {
			Name string `json:"quant_method"`
		}
		_ = json.Unmarshal(q, &method) // the name is for the message only
		return Config{}, fault.Unsupportedf(op, "quantization_config %.60q", method.Name).Next("take the unquantised checkpoint, or a GGUF")
	}
	return read(modelType, raw)
}

// families are the readers of config.json by model_type.
var families = map[string]func(modelType string, raw []byte) (Config, error){"llama": readLlama, "qwen2": readLlama, "qwen3": readLlama, "t5": readT5, "mt5": readT5}

func readLlama(modelType string, raw []byte) (Config, error) {
	f := fields{}
	if err := json.Unmarshal(raw, &f); err != nil {
		return Config{}, malformed("", err)
	}
	if f.Act != nil && *f.Act != "silu" && *f.Act != "swish" {
		return Config{}, fault.Unsupportedf(op, "hidden_act %q, want silu", *f.Act)
	}
	c := Config{Config: model.Config{ModelType: modelType, Layers: f.Layers, Hidden: f.Hidden, FFN: f.FFN, Heads: f.Heads, KVHeads: f.Heads, Vocab: f.Vocab,
		Context: 2048, RopeTheta: 10000, Eps: 1e-6, Tied: f.Tied}, // LlamaConfig's defaults
		AttentionBias: f.AttnBias, MLPBias: f.MLPBias, DType: f.OldDType}
	if modelType != "llama" {
		c.Context, c.QKVBias, c.HeadNorm = 32768, modelType == "qwen2", modelType == "qwen3"
		if f.HeadDim == nil && c.HeadNorm {
			c.HeadDim = 128 // Qwen3Config's, whatever the hidden size
		}
		if err := wholeAttention(f); err != nil {
			return c, err
		}
	}
	if f.DType != "" {
		c.DType = f.DType
	}
	set(&c.KVHeads, f.KVHeads)
	set(&c.Context, f.Context)
	set(&c.RopeTheta, f.RopeTheta)
	set(&c.Eps, f.Eps)
	if f.HeadDim == nil && c.HeadDim == 0 && c.Heads > 0 {
		if c.Hidden%c.Heads != 0 {
			return c, fault.Inputf(op, "hidden_size %d over %d num_attention_heads, want a multiple or a head_dim", c.Hidden, c.Heads)
		}
		c.HeadDim = c.Hidden / c.Heads
	}
	set(&c.HeadDim, f.HeadDim)
	if err := wholeRope(f.Partial); err != nil {
		return c, err
	}
	var err error
	if c.BOS, err = ids("bos_token_id", f.BOS); err != nil {
		return c, err
	}
	if c.EOS, err = ids("eos_token_id", f.EOS); err != nil {
		return c, err
	}
	if err := c.check(op); err != nil {
		return c, err
	}
	if err := c.rope(f); err != nil {
		return c, err
	}
	return c, c.check(op)
}

// wholeAttention refuses layers that see a window of the tokens before them.
func wholeAttention(f fields) error {
	if f.Sliding {
		return fault.Unsupportedf(op, "use_sliding_window is set")
	}
	for i, t := range f.LayerTypes {
		if t != "full_attention" {
			return fault.Unsupportedf(op, "layer_types: layer %d is %.60q, want full_attention", i, t)
		}
	}
	return nil
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// given tells a value from a missing one and from null.
func given(r json.RawMessage) bool { return len(r) > 0 && string(r) != "null" }

// malformed says which key has a value of a wrong type.
func malformed(prefix string, err error) error {
	var t *json.UnmarshalTypeError
	if !errors.As(err, &t) {
		return fault.Inputf(op, "malformed: %w", err)
	}
	want := map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Float64: "a number", reflect.Bool: "true or false", reflect.String: "text"}[t.Type.Kind()]
	if want == "" {
		want = "an object"
	}
	return fault.Inputf(op, "%s: got %.60s, want %s", strings.TrimSuffix(prefix+t.Field, "."), t.Value, want)
}

// ids reads a token id, a list of them, or null.
func ids(key string, raw json.RawMessage) (list []int, err error) {
	if !given(raw) {
		return nil, nil
	}
	if !bytes.HasPrefix(raw, []byte("[")) {
		raw = append(append([]byte("["), raw...), ']')
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fault.Inputf(op, "%s is %.60s, want a whole number or a list of them", key, raw)
	}
	for _, id := range list {
		if id < 0 || id >= maxVocab {
			return nil, fault.Inputf(op, "%s: %d, want 0 to %d", key, id, maxVocab-1)
		}
	}
	return list, nil
}

// size is a number of a config and the most that it may be.
type size struct {
	name string
	v    int
	max  int
}

func checkSizes(op string, sizes []size) error {
	for _, s := range sizes {
		if s.v < 1 || s.v > s.max {
			missing := ""
			if s.v == 0 {
				missing = " or missing"
			}
			return fault.Inputf(op, "%s is %d%s, want 1 to %d", s.name, s.v, missing, s.max)
		}
	}
	return nil
}

// check holds a Llama's sizes against the caps and against each other.
func (c Config) check(op string) error {
	if err := checkSizes(op, []size{{"num_hidden_layers", c.Layers, maxLayers}, {"hidden_size", c.Hidden, maxWidth}, {"intermediate_size", c.FFN, maxWidth * 8}, {"num_attention_heads", c.Heads, maxWidth},
		{"num_key_value_heads", c.KVHeads, c.Heads}, {"head_dim", c.HeadDim, maxWidth}, {"vocab_size", c.Vocab, maxVocab}, {"max_position_embeddings", c.Context, maxContext},
		{"num_attention_heads times head_dim", c.Heads * c.HeadDim, maxWidth}}); err != nil {
		return err
	}
	if c.Heads%c.KVHeads != 0 {
		return fault.Inputf(op, "%d attention heads over %d key-value heads, want a multiple", c.Heads, c.KVHeads)
	}
	if c.HeadDim%2 != 0 {
		return fault.Inputf(op, "head_dim %d, want an even number", c.HeadDim)
	}
	if !(c.RopeTheta >= 1 && c.RopeTheta < 1e15) {
		return fault.Inputf(op, "rope_theta %g, want 1 to 1e15", c.RopeTheta)
	}
	if !(c.Eps >= 0 && c.Eps < 1) {
		return fault.Inputf(op, "rms_norm_eps %g, want 0 to 1", c.Eps)
	}
	if c.AttentionBias || c.MLPBias {
		return fault.Unsupportedf(op, "attention_bias or mlp_bias is set").Next("choose a model whose linears have no biases")
	}
	return nil
}
