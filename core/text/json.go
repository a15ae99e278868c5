package text

import (
	"bytes"
	"encoding/json"
	"strings"

	"handful/core/fault"
)

// tokenizerJSON is the part of a tokenizer.json that matters here.
// post_processor, truncation and padding add or cut tokens around a text:
// Encode doesn't.
type tokenizerJSON struct {
	Added []struct {
		ID         *int32 `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized *bool  `json:"normalized"`
		Special    bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer   json.RawMessage `json:"normalizer"`
	PreTokenizer json.RawMessage `json:"pre_tokenizer"`
	Decoder      json.RawMessage `json:"decoder"`
	Model        json.RawMessage `json:"model"`
}

type modelJSON struct {
	Vocab        map[string]int32 `json:"vocab"`
	Merges       []mergeJSON      `json:"merges"`
	Dropout      float64          `json:"dropout"`
	Unk          string           `json:"unk_token"`
	Prefix       string           `json:"continuing_subword_prefix"`
	Suffix       string           `json:"end_of_word_suffix"`
	FuseUnk      bool             `json:"fuse_unk"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
}

// mergeJSON is "a b" or ["a", "b"].
type mergeJSON [2]string

func (m *mergeJSON) UnmarshalJSON(b []byte) error {
	const op = "text.FromJSON"
	if b[0] == '[' {
		var p []string
		if err := json.Unmarshal(b, &p); err != nil || len(p) != 2 {
			return fault.Inputf(op, "model.merges: %.60s, want two tokens", b)
		}
		*m = mergeJSON{p[0], p[1]}
		return nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	left, right, ok := strings.Cut(s, " ")
	if err != nil || !ok || strings.Contains(right, " ") {
		return fault.Inputf(op, "model.merges: %.60s, want two tokens and a space between", b)
	}
	*m = mergeJSON{left, right}
	return nil
}

// FromJSON makes a tokenizer of the bytes of a tokenizer.json that holds a
// byte-level BPE or a Unigram. What isn't supported is named; BOS and EOS are
// unknown until SetEnds.
func FromJSON(data []byte) (Tokenizer, error) {
	const op = "text.FromJSON"
	var j tokenizerJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, inJSON(op, "tokenizer.json", err)
	}
	if absent(j.Model) {
		return nil, fault.Inputf(op, "tokenizer.json has no model").Next("choose the tokenizer.json of the model's folder")
	}
	kind, err := typeOf(op, "model", j.Model)
	if err != nil {
		return nil, err
	}
	var added []addedToken
	for i, a := range j.Added {
		if a.ID == nil {
			return nil, fault.Inputf(op, "added_tokens: number %d (%q) has no id", i, a.Content)
		}
		normalized := !a.Special
		if a.Normalized != nil {
			normalized = *a.Normalized
		}
		added = append(added, addedToken{*a.ID, a.Content, a.Special, a.SingleWord, a.LStrip, a.RStrip, normalized})
	}
	normal, err := normaliser(op, j.Normalizer, 0)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "BPE", "": // the oldest files don't name it
		return made(bpeJSON(op, j, normal, added))
	case "Unigram":
		return made(unigramJSON(op, j, normal, added))
	}
	return nil, fault.Unsupportedf(op, "model %q, want BPE or Unigram", kind)
}

// made is no tokenizer where there is an error.
func made[T Tokenizer](t T, err error) (Tokenizer, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// bpeJSON makes a byte-level BPE. A missing decoder counts as ByteLevel.
func bpeJSON(op string, j tokenizerJSON, normal normals, added []addedToken) (*BPE, error) {
	var bpe modelJSON
	if err := json.Unmarshal(j.Model, &bpe); err != nil {
		return nil, inJSON(op, "model", err)
	}
	switch {
	case bpe.Dropout != 0:
		return nil, fault.Unsupportedf(op, "model dropout %v, want none", bpe.Dropout)
	case bpe.Prefix != "":
		return nil, fault.Unsupportedf(op, "model continuing_subword_prefix %q, want none", bpe.Prefix)
	case bpe.Suffix != "":
		return nil, fault.Unsupportedf(op, "model end_of_word_suffix %q, want none", bpe.Suffix)
	}
	m := model{vocab: bpe.Vocab, normal: normal, added: added, unk: bpe.Unk, fuseUnk: bpe.FuseUnk, byteFallback: bpe.ByteFallback, ignoreMerges: bpe.IgnoreMerges}
	for _, p := range bpe.Merges {
		m.merges = append(m.merges, p)
	}
	var err error
	if m.steps, err = preTokenizer(op, j.PreTokenizer); err != nil {
		return nil, err
	}
	if err := byteDecoder(op, j.Decoder); err != nil {
		return nil, err
	}
	return newBPE(op, m)
}

// inJSON makes a fault of a parser's error; its own faults stay.
func inJSON(op, where string, err error) error {
	if fault.Is(err, fault.Input) {
		return err
	}
	return fault.Inputf(op, "%s: %w", where, err).Next("download the file again")
}

func absent(b json.RawMessage) bool {
	return len(b) == 0 || bytes.Equal(b, []byte("null"))
}

func typeOf(op, where string, b json.RawMessage) (string, error) {
	var k struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return "", inJSON(op, where, err)
	}
	return k.Type, nil
}
