package text

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"handful/core/fault"
)

// GGUFVocab holds a GGUF file's tokenizer.ggml.* values.
type GGUFVocab struct {
	Model        string   // model: "gpt2" is byte-level BPE, "t5" Unigram
	Pre          string   // pre: how words are cut
	Tokens       []string // tokens, by id
	TokenTypes   []int32  // token_type; none: all normal
	Merges       []string // merges, "left right"
	BOS, EOS     int32    // bos_token_id, eos_token_id; -1 when absent
	ChatTemplate string   // tokenizer.chat_template

	// Of a Unigram alone.
	Scores      []float64 // scores, by id
	Charsmap    []byte    // precompiled_charsmap
	SpacePrefix bool      // add_space_prefix
	TrimSpaces  bool      // remove_extra_whitespaces
}

// Token types of GGUF (llama.h, llama_token_type). Unknown and control tokens
// are special; user-defined ones are found in the text and are not special.
const (
	ggufUnknown     = 2
	ggufControl     = 3
	ggufUserDefined = 4
	ggufUnused      = 5
	ggufByte        = 6
)

// presets are the values of Pre whose rules are known to equal those of the HF
// tokenizer that the name stands for.
var presets = map[string]struct {
	steps        []splitter
	normal       normals
	ignoreMerges bool
}{
	"gpt-2":     {steps: []splitter{scanGPT2}},
	"smollm":    {steps: []splitter{cutBy(findDigits, "Isolated", false), scanGPT2}},
	"qwen2":     {steps: []splitter{scanQwen(1)}, normal: normals{norm.NFC.String}},
	"llama-bpe": {steps: []splitter{scanQwen(3)}, ignoreMerges: true},
}

// FromGGUF makes a tokenizer of the values of a GGUF file.
func FromGGUF(g GGUFVocab) (Tokenizer, error) {
	const op = "text.FromGGUF"
	switch g.Model {
	case "gpt2":
		return made(fromGPT2(op, g))
	case "t5":
		return made(fromT5(op, g))
	}
	return nil, fault.Unsupportedf(op, "tokenizer.ggml.model %q, want gpt2 (byte-level BPE) or t5 (Unigram)", g.Model)
}

func fromGPT2(op string, g GGUFVocab) (*BPE, error) {
	pre, ok := presets[g.Pre]
	if !ok {
		return nil, fault.Unsupportedf(op, "tokenizer.ggml.pre %q, want gpt-2, smollm, qwen2 or llama-bpe", g.Pre).
			Next("use the model's HF folder, whose tokenizer.json holds the rules")
	}
	if n := len(g.TokenTypes); n != 0 && n != len(g.Tokens) {
		return nil, fault.Inputf(op, "%d token types, want one for each of %d tokens", n, len(g.Tokens))
	}
	m := model{vocab: make(map[string]int32, len(g.Tokens)), steps: pre.steps, normal: pre.normal, ignoreMerges: pre.ignoreMerges}
	for id, name := range g.Tokens {
		if !utf8.ValidString(name) {
			return nil, fault.Inputf(op, "token %d is %q, which is not UTF-8", id, name)
		}
		if old, ok := m.vocab[name]; ok {
			return nil, fault.Inputf(op, "token %q has two ids, %d and %d", name, old, id)
		}
		m.vocab[name] = int32(id)
		if len(g.TokenTypes) > 0 {
			switch kind := g.TokenTypes[id]; kind {
			case ggufUnknown, ggufControl, ggufUserDefined:
				m.added = append(m.added, addedToken{id: int32(id), content: name, special: kind != ggufUserDefined})
			}
		}
	}
	for i, s := range g.Merges {
		left, right, ok := strings.Cut(s, " ")
		if !ok || strings.Contains(right, " ") {
			return nil, fault.Inputf(op, "merge %d is %q, want two tokens and a space between", i, s)
		}
		m.merges = append(m.merges, [2]string{left, right})
	}
	t, err := newBPE(op, m)
	if err != nil {
		return nil, err
	}
	return t, t.SetEnds(g.BOS, g.EOS)
}
