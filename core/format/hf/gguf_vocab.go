package hf

import (
	"handful/core/format/gguf"
	"handful/core/text"
)

// ggufVocab are the values of a file's tokenizer.
func ggufVocab(g *gguf.File) text.GGUFVocab {
	const at = "tokenizer.ggml."
	v := text.GGUFVocab{Model: g.String(at + "model"), Pre: g.String(at + "pre"), Tokens: g.Strings(at + "tokens"), Merges: g.Strings(at + "merges"),
		BOS: tokenID(g, at+"bos_token_id"), EOS: tokenID(g, at+"eos_token_id"), ChatTemplate: g.String("tokenizer.chat_template"),
		Scores: g.Floats(at + "scores"), SpacePrefix: true, TrimSpaces: true}
	for _, t := range g.Ints(at + "token_type") {
		v.TokenTypes = append(v.TokenTypes, int32(t))
	}
	for _, b := range g.Ints(at + "precompiled_charsmap") {
		v.Charsmap = append(v.Charsmap, byte(b))
	}
	for key, p := range map[string]*bool{"add_space_prefix": &v.SpacePrefix, "remove_extra_whitespaces": &v.TrimSpaces} {
		if b, ok := g.Bool(at + key); ok {
			*p = b
		}
	}
	return v
}

func tokenID(g *gguf.File, key string) int32 {
	if id, ok := g.Int(key); ok {
		return int32(id)
	}
	return -1
}
