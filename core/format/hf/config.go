// Package hf opens base models: Hugging Face checkpoint folders, and GGUF
// files under the same names, so that the rest of the program knows one
// convention.
package hf

import (
	"encoding/json"

	"handful/core/fault"
)

const op = "config.json"

// Config is what a checkpoint says of itself, in HF's terms.
type Config struct {
	ModelType string
	Layers    int
	Hidden    int
	FFN       int
	Heads     int
	KVHeads   int
	HeadDim   int
	Vocab     int
	Context   int
	RopeTheta float64
	Eps       float64
	Tied      bool
	BOS, EOS  []int
}

// caps on sizes that a config may claim: an absurd value must fail here, not
// in an allocation.
const (
	maxLayers  = 512
	maxWidth   = 1 << 17
	maxVocab   = 1 << 21
	maxContext = 1 << 24
)

// parseConfig reads config.json with transformers' v4 and v5 keys.
func parseConfig(b []byte) (Config, error) {
	var raw struct {
		ModelType   string          `json:"model_type"`
		Layers      int             `json:"num_hidden_layers"`
		Hidden      int             `json:"hidden_size"`
		FFN         int             `json:"intermediate_size"`
		Heads       int             `json:"num_attention_heads"`
		KVHeads     *int            `json:"num_key_value_heads"`
		HeadDim     *int            `json:"head_dim"`
		Vocab       int             `json:"vocab_size"`
		Context     int             `json:"max_position_embeddings"`
		RopeTheta   *float64        `json:"rope_theta"`
		Rope        json.RawMessage `json:"rope_parameters"`
		RopeScaling json.RawMessage `json:"rope_scaling"`
		Eps         *float64        `json:"rms_norm_eps"`
		Tied        *bool           `json:"tie_word_embeddings"`
		AttnBias    bool            `json:"attention_bias"`
		MLPBias     bool            `json:"mlp_bias"`
		Act         string          `json:"hidden_act"`
		BOS         json.RawMessage `json:"bos_token_id"`
		EOS         json.RawMessage `json:"eos_token_id"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return Config{}, fault.Inputf(op, "malformed: %v", err)
	}
	if raw.ModelType == "" {
		return Config{}, fault.Inputf(op, "no model_type").Next("choose the folder of a Hugging Face model")
	}
	if raw.ModelType != "llama" {
		return Config{}, fault.Unsupportedf(op, "model_type %q, want llama", raw.ModelType)
	}
	if raw.AttnBias || raw.MLPBias {
		return Config{}, fault.Unsupportedf(op, "attention_bias or mlp_bias is set")
	}
	if raw.Act != "" && raw.Act != "silu" && raw.Act != "swish" {
		return Config{}, fault.Unsupportedf(op, "hidden_act %q, want silu", raw.Act)
	}
	c := Config{ModelType: raw.ModelType, Layers: raw.Layers, Hidden: raw.Hidden, FFN: raw.FFN, Heads: raw.Heads, KVHeads: raw.Heads,
		Vocab: raw.Vocab, Context: raw.Context, RopeTheta: 10000, Eps: 1e-6, Tied: raw.Tied != nil && *raw.Tied}
	if c.Context == 0 {
		c.Context = 2048 // LlamaConfig's default
	}
	if raw.KVHeads != nil {
		c.KVHeads = *raw.KVHeads
	}
	if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	if raw.HeadDim != nil {
		c.HeadDim = *raw.HeadDim
	}
	if raw.RopeTheta != nil {
		c.RopeTheta = *raw.RopeTheta
	}
	if raw.Eps != nil {
		c.Eps = *raw.Eps
	}
	for _, r := range []json.RawMessage{raw.RopeScaling, raw.Rope} {
		if err := c.rope(r); err != nil {
			return c, err
		}
	}
	c.BOS, c.EOS = ids(raw.BOS), ids(raw.EOS)
	return c, c.check()
}

// rope reads rope_parameters (v5) or rope_scaling (v4): only the plain rotary
// embedding is supported.
func (c *Config) rope(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var r struct {
		Theta *float64 `json:"rope_theta"`
		Type  string   `json:"rope_type"`
		Old   string   `json:"type"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return fault.Inputf(op, "rope parameters are malformed: %v", err)
	}
	for _, t := range []string{r.Type, r.Old} {
		if t != "" && t != "default" {
			return fault.Unsupportedf(op, "rope type %q, want default", t)
		}
	}
	if r.Theta != nil {
		c.RopeTheta = *r.Theta
	}
	return nil
}

// ids reads a token id, a list of them, or null.
func ids(raw json.RawMessage) []int {
	var one int
	var many []int
	if json.Unmarshal(raw, &one) == nil && len(raw) > 0 && string(raw) != "null" {
		return []int{one}
	}
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	return nil
}

func (c Config) check() error {
	for _, s := range []struct {
		name string
		v    int
		max  int
	}{{"num_hidden_layers", c.Layers, maxLayers}, {"hidden_size", c.Hidden, maxWidth}, {"intermediate_size", c.FFN, maxWidth * 8}, {"num_attention_heads", c.Heads, maxWidth},
		{"num_key_value_heads", c.KVHeads, c.Heads}, {"head_dim", c.HeadDim, maxWidth}, {"vocab_size", c.Vocab, maxVocab}, {"max_position_embeddings", c.Context, maxContext}} {
		if s.v < 1 || s.v > s.max {
			return fault.Inputf(op, "%s is %d, want 1 to %d", s.name, s.v, s.max)
		}
	}
	if c.Heads%c.KVHeads != 0 {
		return fault.Inputf(op, "%d attention heads over %d key-value heads, want a multiple", c.Heads, c.KVHeads)
	}
	if c.HeadDim%2 != 0 {
		return fault.Inputf(op, "head_dim %d, want an even number", c.HeadDim)
	}
	if !(c.RopeTheta > 0) || !(c.Eps >= 0) {
		return fault.Inputf(op, "rope_theta %g, rms_norm_eps %g; want positive numbers", c.RopeTheta, c.Eps)
	}
	return nil
}
