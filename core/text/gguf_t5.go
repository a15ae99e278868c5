package text

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"handful/core/fault"
)

// T5's pre_tokenizer and decoder in tokenizer.json, and the decoder where bytes
// stand for what no piece has.
const (
	t5Steps   = `{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}]}`
	t5Decoder = `{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}`
	t5Bytes   = `{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}`
)

// t5Sentinels are the extra ids of a T5.
const t5Sentinels = 100

// t5 gives the pieces of a GGUF file's Unigram as a T5's tokenizer.json has them.
// What llama.cpp's converter does to them is undone: it fills the embedding's rows
// up with unused pieces [PADn], also over the sentinels where the model's folder
// has no added_tokens.json, and gives added tokens a score of their own.
func (g GGUFVocab) t5(op string) (pieces []piece, added []addedToken, unk int, err error) {
	n := len(g.Tokens)
	if len(g.Scores) != n || len(g.TokenTypes) != n {
		return nil, nil, 0, fault.Inputf(op, "%d scores and %d token types, want one for each of %d tokens", len(g.Scores), len(g.TokenTypes), n)
	}
	if !g.SpacePrefix || !g.TrimSpaces {
		return nil, nil, 0, fault.Unsupportedf(op, "add_space_prefix or remove_extra_whitespaces is off").Next("use the model's HF folder, whose tokenizer.json holds the rules")
	}
	last, sentinel := n, slices.Contains(g.Tokens, "<extra_id_0>")
	for last > 0 && g.TokenTypes[last-1] == ggufUnused && g.Tokens[last-1] == "[PAD"+strconv.Itoa(last-1)+"]" {
		last--
	}
	unk = slices.Index(g.TokenTypes, ggufUnknown)
	for id, name := range g.Tokens[:last] {
		p := piece{text: name, score: g.Scores[id]}
		switch kind := g.TokenTypes[id]; kind {
		case ggufUserDefined, ggufControl, ggufUnknown:
			extra := strings.HasPrefix(name, "<extra_id_")
			if kind == ggufUserDefined {
				p.score = 0
			}
			added = append(added, addedToken{id: int32(id), content: name, special: extra || kind != ggufUserDefined})
		}
		pieces = append(pieces, p)
	}
	for i := last; !sentinel && n-last >= t5Sentinels && i < last+t5Sentinels; i++ {
		name := fmt.Sprintf("<extra_id_%d>", last+t5Sentinels-1-i)
		added = append(added, addedToken{id: int32(i), content: name, special: true})
		pieces = append(pieces, piece{text: name})
	}
	return pieces, added, unk, nil
}

// fromT5 makes a tokenizer of the values of a T5's GGUF file, with the rules of
// its tokenizer.json.
func fromT5(op string, g GGUFVocab) (*Unigram, error) {
	pieces, added, unk, err := g.t5(op)
	if err != nil {
		return nil, err
	}
	t, err := newUnigram(op, pieces, added, unk, g.fallback())
	if err != nil {
		return nil, err
	}
	if len(g.Charsmap) > 0 {
		m, err := newCharsmap(op, g.Charsmap)
		if err != nil {
			return nil, err
		}
		t.normal = normals{m.byGraphemes}
	}
	t.raw, t.normed = t.normal.finds(added)
	if t.before, err = metaspaces(op, json.RawMessage(t5Steps)); err != nil {
		return nil, err
	}
	if t.decode, err = metaDecoder(op, g.t5Decoder()); err != nil {
		return nil, err
	}
	return t, t.SetEnds(g.BOS, g.EOS)
}

func (g GGUFVocab) fallback() bool { return slices.Contains(g.TokenTypes, ggufByte) }

func (g GGUFVocab) t5Decoder() json.RawMessage {
	if g.fallback() {
		return json.RawMessage(t5Bytes)
	}
	return json.RawMessage(t5Decoder)
}

// t5JSON are the parts of a T5's tokenizer.json.
func (g GGUFVocab) t5JSON() (map[string]any, error) {
	pieces, added, unk, err := g.t5("tokenizer.json")
	if err != nil {
		return nil, err
	}
	vocab, tokens := []any{}, []any{}
	for _, p := range pieces {
		vocab = append(vocab, []any{p.text, p.score})
	}
	for _, a := range added {
		tokens = append(tokens, addedJSON(int(a.id), a.content, a.special))
	}
	var normalizer any
	if len(g.Charsmap) > 0 {
		normalizer = map[string]any{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString(g.Charsmap)}
	}
	return map[string]any{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": tokens, "normalizer": normalizer, "pre_tokenizer": json.RawMessage(t5Steps), "post_processor": g.t5End(), "decoder": g.t5Decoder(),
		"model": map[string]any{"type": "Unigram", "unk_id": unk, "byte_fallback": g.fallback(), "vocab": vocab}}, nil
}

// t5End is the post_processor, which puts the end token behind a text.
func (g GGUFVocab) t5End() any {
	if g.EOS < 0 || int(g.EOS) >= len(g.Tokens) {
		return nil
	}
	end := g.Tokens[g.EOS]
	text := func(id string) any { return map[string]any{"Sequence": map[string]any{"id": id, "type_id": 0}} }
	eos := map[string]any{"SpecialToken": map[string]any{"id": end, "type_id": 0}}
	return map[string]any{"type": "TemplateProcessing", "single": []any{text("A"), eos}, "pair": []any{text("A"), eos, text("B"), eos},
		"special_tokens": map[string]any{end: map[string]any{"id": end, "ids": []int32{g.EOS}, "tokens": []string{end}}}}
}
