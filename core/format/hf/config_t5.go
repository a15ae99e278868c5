package hf

import (
	"encoding/json"

	"handful/core/fault"
	"handful/core/model"
)

// t5Context bounds a row of T5, whose positions are relative and have no end.
const t5Context = 8192

// maxDistance bounds the table of a relative position bias.
const maxDistance = 4096

// fieldsT5 are T5Config's and MT5Config's keys, of transformers 4 and 5.
type fieldsT5 struct {
	Hidden        int             `json:"d_model"`
	FFN           int             `json:"d_ff"`
	HeadDim       int             `json:"d_kv"`
	Heads         int             `json:"num_heads"`
	Layers        int             `json:"num_layers"`
	DecoderLayers *int            `json:"num_decoder_layers"`
	Vocab         int             `json:"vocab_size"`
	Buckets       *int            `json:"relative_attention_num_buckets"`
	Distance      *int            `json:"relative_attention_max_distance"`
	Eps           *float64        `json:"layer_norm_epsilon"`
	Proj          *string         `json:"feed_forward_proj"`
	Both          *bool           `json:"is_encoder_decoder"`
	Tied          *bool           `json:"tie_word_embeddings"`
	Scaled        *bool           `json:"scale_decoder_outputs"`
	Start         *int32          `json:"decoder_start_token_id"`
	Pad           *int32          `json:"pad_token_id"`
	EOS           json.RawMessage `json:"eos_token_id"`
	DType         string          `json:"dtype"`
	OldDType      string          `json:"torch_dtype"`
}

// projections are the feed-forwards of T5 v1.0, of v1.1 and mT5, and of UL2.
var projections = map[string]string{"relu": "relu", "gated-gelu": "gelu_new", "gated-silu": "silu"}

// readT5 reads a T5 or mT5. The head reads a scaled state in T5 v1.0, whose head
// is the embedding: where scale_decoder_outputs (transformers 5) does not say so,
// tie_word_embeddings does. mT5 has a head of its own.
func readT5(modelType string, raw []byte) (Config, error) {
	f := fieldsT5{}
	if err := json.Unmarshal(raw, &f); err != nil {
		return Config{}, malformed("", err)
	}
	if f.Both != nil && !*f.Both {
		return Config{}, fault.Unsupportedf(op, "is_encoder_decoder is false: an encoder alone").Next("choose a T5 with its decoder")
	}
	proj := "relu"
	if modelType == "mt5" {
		proj = "gated-gelu"
	}
	set(&proj, f.Proj)
	act := projections[proj]
	if act == "" {
		return Config{}, fault.Unsupportedf(op, "feed_forward_proj %.60q, want relu, gated-gelu or gated-silu", proj)
	}
	tied := f.Tied == nil || *f.Tied
	c := Config{Config: model.Config{ModelType: modelType, EncoderLayers: f.Layers, Layers: f.Layers, Hidden: f.Hidden, FFN: f.FFN, Heads: f.Heads, KVHeads: f.Heads, HeadDim: f.HeadDim,
		Vocab: f.Vocab, Context: t5Context, Buckets: 32, MaxDistance: 128, Eps: 1e-6, // T5Config's defaults
		Act: act, Tied: tied, ScaledHead: tied && modelType == "t5"}, DType: f.OldDType}
	if f.DType != "" {
		c.DType = f.DType
	}
	set(&c.Layers, f.DecoderLayers)
	set(&c.Buckets, f.Buckets)
	set(&c.MaxDistance, f.Distance)
	set(&c.Eps, f.Eps)
	set(&c.ScaledHead, f.Scaled)
	set(&c.Start, f.Pad)
	set(&c.Start, f.Start)
	var err error
	if c.EOS, err = ids("eos_token_id", f.EOS); err != nil {
		return c, err
	}
	if len(c.EOS) == 0 {
		c.EOS = []int{1}
	}
	return c, c.checkT5(op)
}

func (c Config) checkT5(op string) error {
	if err := checkSizes(op, []size{{"num_layers", c.EncoderLayers, maxLayers}, {"num_decoder_layers", c.Layers, maxLayers}, {"d_model", c.Hidden, maxWidth}, {"d_ff", c.FFN, maxWidth * 8},
		{"num_heads", c.Heads, maxWidth}, {"d_kv", c.HeadDim, maxWidth}, {"vocab_size", c.Vocab, maxVocab}, {"num_heads times d_kv", c.Heads * c.HeadDim, maxWidth},
		{"relative_attention_num_buckets", c.Buckets, maxDistance}, {"relative_attention_max_distance", c.MaxDistance, maxDistance}}); err != nil {
		return err
	}
	if c.Buckets < 4 || c.MaxDistance <= c.Buckets/2 {
		return fault.Inputf(op, "%d relative_attention_num_buckets up to a distance of %d, want 4 or more and a distance of more than half of it", c.Buckets, c.MaxDistance)
	}
	if !(c.Eps >= 0 && c.Eps < 1) {
		return fault.Inputf(op, "layer_norm_epsilon %g, want 0 to 1", c.Eps)
	}
	if c.Start < 0 || int(c.Start) >= c.Vocab {
		return fault.Inputf(op, "decoder_start_token_id %d, want 0 to %d", c.Start, c.Vocab-1)
	}
	return nil
}
