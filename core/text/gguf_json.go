package text

import (
	"bytes"
	"encoding/json"
	"fmt"

	"handful/core/fault"
)

// words is how Qwen2 and Llama 3 cut words, but for the digits that stand
// together (transformers, convert_slow_tokenizer.py).
const words = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// preJSON are the presets' pre_tokenizer and normalizer in tokenizer.json.
func preJSON(pre string) (steps, normalizer any) {
	bytes := func(regex bool) any {
		return map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex}
	}
	sequence := func(s ...any) any { return map[string]any{"type": "Sequence", "pretokenizers": s} }
	cut := func(digits string) any {
		return map[string]any{"type": "Split", "pattern": map[string]any{"Regex": fmt.Sprintf(words, digits)}, "behavior": "Isolated", "invert": false}
	}
	switch pre {
	case "gpt-2":
		return bytes(true), nil
	case "smollm":
		return sequence(map[string]any{"type": "Digits", "individual_digits": true}, bytes(true)), nil
	case "qwen2":
		return sequence(cut(""), bytes(false)), map[string]any{"type": "NFC"}
	case "llama-bpe":
		return sequence(cut("{1,3}"), bytes(false)), nil
	}
	return nil, nil
}

// JSON is a tokenizer.json of the same tokenizer, and a tokenizer_config.json
// with its ends and its chat template.
func (g GGUFVocab) JSON() (tokenizer, config []byte, err error) {
	if _, err := FromGGUF(g); err != nil {
		return nil, nil, err
	}
	parts := g.gpt2JSON
	class := "PreTrainedTokenizerFast"
	if g.Model == "t5" {
		parts, class = g.t5JSON, "T5TokenizerFast"
	}
	whole, err := parts()
	if err == nil {
		tokenizer, err = indented(whole)
	}
	if err != nil {
		return nil, nil, err
	}
	c := map[string]any{"tokenizer_class": class, "clean_up_tokenization_spaces": false}
	for key, id := range map[string]int32{"bos_token": g.BOS, "eos_token": g.EOS} {
		if id >= 0 && int(id) < len(g.Tokens) {
			c[key] = g.Tokens[id]
		}
	}
	if g.ChatTemplate != "" {
		c["chat_template"] = g.ChatTemplate
	}
	config, err = indented(c)
	return tokenizer, config, err
}

// gpt2JSON are the parts of a byte-level BPE's tokenizer.json.
func (g GGUFVocab) gpt2JSON() (map[string]any, error) {
	steps, normalizer := preJSON(g.Pre)
	vocab, added := map[string]int{}, []any{}
	for id, name := range g.Tokens {
		vocab[name] = id
		if len(g.TokenTypes) == 0 {
			continue
		}
		switch kind := g.TokenTypes[id]; kind {
		case ggufUnknown, ggufControl, ggufUserDefined:
			added = append(added, addedJSON(id, name, kind != ggufUserDefined))
		}
	}
	return map[string]any{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": steps,
		"post_processor": nil, "decoder": map[string]any{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
			"ignore_merges": presets[g.Pre].ignoreMerges, "vocab": vocab, "merges": g.Merges}}, nil
}

func addedJSON(id int, name string, special bool) any {
	return map[string]any{"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": special}
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return nil, fault.From("tokenizer.json", err)
	}
	return b.Bytes(), nil
}
