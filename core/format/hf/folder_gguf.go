package hf

import (
	"slices"

	"handful/core/fault"
)

// llamaConfig are config.json's keys of a Llama or a Qwen in a GGUF file.
func (c *Checkpoint) llamaConfig() (map[string]any, error) {
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
		"max_position_embeddings": k.Context, "rms_norm_eps": k.Eps, "rope_theta": k.RopeTheta, "rope_parameters": rope, "attention_bias": false, "mlp_bias": false}
	if k.ModelType != "llama" {
		set["architectures"], set["model_type"], set["use_sliding_window"] = []string{c.Config.family() + "ForCausalLM"}, k.ModelType, false
		delete(set, "mlp_bias")
	}
	if k.QKVBias {
		delete(set, "attention_bias") // it always has some
	}
	if k.RopeStretch != nil {
		set["rope_scaling"] = rope
	}
	set["bos_token_id"], set["eos_token_id"] = idsJSON(k.BOS), idsJSON(k.EOS)
	return set, nil
}

// t5Config are those of a T5; an mT5 in a GGUF file is written as one.
func (c *Checkpoint) t5Config() (map[string]any, error) {
	k := c.Config
	proj := "relu"
	if k.Act != "relu" {
		proj = "gated-gelu"
	}
	return map[string]any{"architectures": []string{"T5ForConditionalGeneration"}, "model_type": "t5", "is_encoder_decoder": true, "vocab_size": k.Vocab, "d_model": k.Hidden, "d_kv": k.HeadDim,
		"d_ff": k.FFN, "num_layers": k.EncoderLayers, "num_decoder_layers": k.Layers, "num_heads": k.Heads, "relative_attention_num_buckets": k.Buckets,
		"relative_attention_max_distance": k.MaxDistance, "layer_norm_epsilon": k.Eps, "feed_forward_proj": proj, "scale_decoder_outputs": k.ScaledHead,
		"decoder_start_token_id": k.Start, "pad_token_id": k.Start, "eos_token_id": idsJSON(k.EOS)}, nil
}

// idsJSON is no id, one, or a list.
func idsJSON(ids []int) any {
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return ids[0]
	}
	return ids
}
