package hf

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/safetensors"
	"handful/core/model"
)

const t5Golden = "../../../testdata/golden/mhr/t5_"

func TestGoldenT5(t *testing.T) {
	for name, want := range map[string]Config{
		"relu_tied":    {Config: model.Config{Act: "relu", Tied: true, ScaledHead: true}},
		"gated_untied": {Config: model.Config{Act: "gelu_new"}},
	} {
		c, err := Open(formattest.Folder(t, t5Golden+name))
		if err != nil {
			t.Fatal(err)
		}
		want.Config = model.Config{ModelType: "t5", EncoderLayers: 2, Layers: 2, Hidden: 32, FFN: 64, Heads: 4, KVHeads: 4, HeadDim: 8, Vocab: 96, Context: t5Context, Eps: 1e-6,
			Buckets: 8, MaxDistance: 16, Act: want.Act, Tied: want.Tied, ScaledHead: want.ScaledHead}
		want.DType, want.EOS = "float32", []int{1}
		if !reflect.DeepEqual(c.Config, want) {
			t.Errorf("%s: got %+v, want %+v", name, c.Config, want)
		}
		if n := len(c.Config.Shapes()); n != len(c.Names()) {
			t.Errorf("%s: %d tensors, the config wants %d", name, len(c.Names()), n)
		}
	}
}

// t5With is the golden T5 v1.0 with keys of its config changed (nil: left out)
// and its tensors renamed ("": left out).
func t5With(t *testing.T, keys map[string]any, rename map[string]string) format.Folder {
	t.Helper()
	f := formattest.Folder(t, t5Golden+"relu_tied")
	b, _ := f.Find("config.json")
	raw, err := format.ReadAll("config.json", b, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	for k, v := range keys {
		if o[k] = v; v == nil {
			delete(o, k)
		}
	}
	if raw, err = json.Marshal(o); err != nil {
		t.Fatal(err)
	}
	v := formattest.Safetensors(t, t5Golden+"relu_tied/model.safetensors")
	var ts []safetensors.Tensor
	for _, n := range v.Names() {
		to, ok := rename[n]
		if !ok {
			to = n
		}
		for _, to := range strings.Split(to, " ") {
			if to != "" {
				ts = append(ts, safetensors.Tensor{Name: to, Shape: v.Shape(n), Data: v.F32(n)})
			}
		}
	}
	w, err := safetensors.Encode(ts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return format.Folder{blob("config.json", raw), blob("model.safetensors", w)}
}

// Which head is read, and whether scaled, as transformers 4 and 5 write it.
func TestT5Heads(t *testing.T) {
	own := map[string]string{"shared.weight": "shared.weight lm_head.weight"}
	for _, c := range []struct {
		keys         map[string]any
		rename       map[string]string
		tied, scaled bool
	}{
		{map[string]any{"scale_decoder_outputs": nil}, nil, true, true},
		{map[string]any{"scale_decoder_outputs": nil, "tie_word_embeddings": nil}, nil, true, true},
		{map[string]any{"scale_decoder_outputs": nil, "tie_word_embeddings": false}, own, false, false},
		{map[string]any{"scale_decoder_outputs": false}, own, false, false}, // v5 writes a tie for all
		{map[string]any{"scale_decoder_outputs": true}, own, false, true},
		{map[string]any{"scale_decoder_outputs": nil, "model_type": "mt5", "tie_word_embeddings": false}, own, false, false},
		{map[string]any{"scale_decoder_outputs": nil, "model_type": "mt5"}, own, false, false},
	} {
		got, err := Open(t5With(t, c.keys, c.rename))
		if err != nil {
			t.Fatal(err)
		}
		if got.Config.Tied != c.tied || got.Config.ScaledHead != c.scaled {
			t.Errorf("%v: tied %v, scaled %v; want %v, %v", c.keys, got.Config.Tied, got.Config.ScaledHead, c.tied, c.scaled)
		}
	}
}

// Files keep the embedding under any of its names, and old ones have a bias that
// nobody reads.
func TestT5Names(t *testing.T) {
	for _, to := range []string{"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "shared.weight encoder.embed_tokens.weight decoder.embed_tokens.weight"} {
		c, err := Open(t5With(t, nil, map[string]string{"shared.weight": to,
			"encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"}))
		if err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		if v := f32(t, c, "shared.weight"); len(v) != 96*32 {
			t.Errorf("%s: %d values", to, len(v))
		}
	}
	for says, rename := range map[string]string{"shared.weight: got nothing": "", "decoder.block.7.layer.0.x.weight: got it, want no such tensor": "shared.weight decoder.block.7.layer.0.x.weight"} {
		if _, err := Open(t5With(t, nil, map[string]string{"shared.weight": rename})); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestT5Refusals(t *testing.T) {
	for _, c := range []struct {
		key  string
		v    any
		kind fault.Kind
		says string
	}{
		{"feed_forward_proj", "gated-relu", fault.Unsupported, `feed_forward_proj "gated-relu"`},
		{"feed_forward_proj", "gated-gelu", fault.Input, "DenseReluDense.wi_0.weight: got nothing"},
		{"is_encoder_decoder", false, fault.Unsupported, "an encoder alone"},
		{"quantization_config", map[string]any{"quant_method": "gptq"}, fault.Unsupported, "gptq"},
		{"num_decoder_layers", 3, fault.Input, "decoder.block.2"},
		{"num_layers", 1, fault.Input, "encoder.block.1"},
		{"num_layers", 0, fault.Input, "num_layers is 0"},
		{"num_layers", 1 << 40, fault.Input, "num_layers is"},
		{"d_model", "x", fault.Input, "d_model: got string"},
		{"d_kv", 0, fault.Input, "d_kv is 0"},
		{"d_kv", 16, fault.Input, "want [64 32]"},
		{"relative_attention_num_buckets", 3, fault.Input, "3 relative_attention_num_buckets"},
		{"relative_attention_max_distance", 4, fault.Input, "up to a distance of 4"},
		{"relative_attention_max_distance", 1 << 30, fault.Input, "relative_attention_max_distance is"},
		{"layer_norm_epsilon", 2, fault.Input, "layer_norm_epsilon 2"},
		{"decoder_start_token_id", 96, fault.Input, "decoder_start_token_id 96"},
		{"eos_token_id", -1, fault.Input, "eos_token_id: -1"},
		{"vocab_size", 95, fault.Input, "shared.weight: got [96 32], want [95 32]"},
	} {
		if _, err := Open(t5With(t, map[string]any{c.key: c.v}, nil)); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s = %v: got %v, want %v saying %q", c.key, c.v, err, c.kind, c.says)
		}
	}
	c, err := Open(t5With(t, map[string]any{"num_decoder_layers": nil, "feed_forward_proj": nil, "relative_attention_num_buckets": 8, "layer_norm_epsilon": nil, "decoder_start_token_id": nil, "pad_token_id": nil, "eos_token_id": nil}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Config; k.Layers != 2 || k.Act != "relu" || k.Eps != 1e-6 || k.Start != 0 || !reflect.DeepEqual(k.EOS, []int{1}) {
		t.Errorf("defaults: %+v", k)
	}
}
