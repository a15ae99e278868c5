package hf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// published are config.json's of models that people use, by name. T5's v1.1
// sizes are those of its LM-adapted and Flan versions too.
var published = map[string]string{
	"t5-small":       t5JSON(512, 2048, 6, 8, "relu"),
	"t5-base":        t5JSON(768, 3072, 12, 12, "relu"),
	"t5-large":       t5JSON(1024, 4096, 24, 16, "relu"),
	"t5-v1_1-small":  t5JSON(512, 1024, 8, 6, "gated-gelu"),
	"t5-v1_1-base":   t5JSON(768, 2048, 12, 12, "gated-gelu"),
	"t5-v1_1-large":  t5JSON(1024, 2816, 24, 16, "gated-gelu"),
	"smollm2-135m":   llamaJSON("Llama", 576, 1536, 30, 9, 3, 49152, 8192, 1e5, 1e-5, true),
	"smollm2-360m":   llamaJSON("Llama", 960, 2560, 32, 15, 5, 49152, 8192, 1e5, 1e-5, true),
	"qwen2.5-0.5b":   llamaJSON("Qwen2", 896, 4864, 24, 14, 2, 151936, 32768, 1e6, 1e-6, true),
	"qwen3-0.6b":     llamaJSON("Qwen3", 1024, 3072, 28, 16, 8, 151936, 40960, 1e6, 1e-6, true),
	"tinyllama-1.1b": llamaJSON("Llama", 2048, 5632, 22, 32, 4, 32000, 2048, 1e4, 1e-5, false),
}

func t5JSON(hidden, ffn, layers, heads int, proj string) string {
	tied := proj == "relu"
	return fmt.Sprintf(`{"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": true, "d_model": %d, "d_kv": 64, "d_ff": %d, "num_layers": %d, `+
		`"num_decoder_layers": %d, "num_heads": %d, "vocab_size": 32128, "feed_forward_proj": %q, "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, `+
		`"layer_norm_epsilon": 1e-6, "dropout_rate": 0.1, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": %v, "scale_decoder_outputs": %v}`,
		hidden, ffn, layers, layers, heads, proj, tied, tied)
}

func llamaJSON(family string, hidden, ffn, layers, heads, kv, vocab, context int, theta, eps float64, tied bool) string {
	return fmt.Sprintf(`{"architectures": ["%sForCausalLM"], "model_type": %q, "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, `+
		`"num_key_value_heads": %d, "vocab_size": %d, "max_position_embeddings": %d, "rope_theta": %g, "rms_norm_eps": %g, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, `+
		`"tie_word_embeddings": %v}`, family, strings.ToLower(family), hidden, ffn, layers, heads, kv, vocab, context, theta, eps, tied)
}

// Published lists the names of the shapes that RandomModel makes, sorted.
func Published() (names []string) {
	for n := range published {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// RandomModel is a checkpoint of a published shape with random weights: its
// config.json, and its tensors, whose values are made as they are read. The same
// seed gives the same values, in each type rounded.
func RandomModel(name string, dt tensor.DType, seed uint64) (config []byte, tensors map[string]tensor.Source, err error) {
	raw, ok := published[name]
	if !ok {
		return nil, nil, fault.Inputf("random-model", "no shape %q, want one of %v", name, Published())
	}
	var o format.Object
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return nil, nil, fault.New(fault.Bug, "random-model", "%v", err)
	}
	c, err := ParseConfig(o)
	if err != nil {
		return nil, nil, err
	}
	long, ok := map[tensor.DType]string{tensor.F32: "float32", tensor.F16: "float16", tensor.BF16: "bfloat16"}[dt]
	if !ok {
		return nil, nil, fault.Unsupportedf("random-model", "values of type %v, want F32, F16 or BF16", dt)
	}
	o["torch_dtype"] = json.RawMessage(`"` + long + `"`)
	if config, err = json.MarshalIndent(o, "", "  "); err != nil {
		return nil, nil, fault.New(fault.Bug, "random-model", "%v", err)
	}
	tensors = map[string]tensor.Source{}
	for _, s := range c.Shapes() {
		tensors[s.Name] = newRandomSource(s.Name, s.Shape, dt, c.spread(s, 0.02), seed)
	}
	return append(config, '\n'), tensors, nil
}
