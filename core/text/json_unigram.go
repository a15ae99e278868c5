package text

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"handful/core/fault"
)

// unigramFields is a Unigram's model in tokenizer.json.
type unigramFields struct {
	Unk          *int     `json:"unk_id"`
	Vocab        []scored `json:"vocab"`
	ByteFallback bool     `json:"byte_fallback"`
}

// scored is [piece, score].
type scored struct {
	text  string
	score float64
}

func (s *scored) UnmarshalJSON(b []byte) error {
	pair := [2]any{&s.text, &s.score}
	var parts []json.RawMessage
	err := json.Unmarshal(b, &parts)
	if err == nil && len(parts) != len(pair) {
		err = fmt.Errorf("%d values", len(parts))
	}
	for i := 0; err == nil && i < len(pair); i++ {
		err = json.Unmarshal(parts[i], pair[i])
	}
	if err != nil {
		return fault.Inputf("text.FromJSON", "model.vocab: %.60s, want a piece and its score", b)
	}
	return nil
}

// unigramJSON makes a Unigram.
func unigramJSON(op string, j tokenizerJSON, normal normals, added []addedToken) (*Unigram, error) {
	var f unigramFields
	if err := json.Unmarshal(j.Model, &f); err != nil {
		return nil, inJSON(op, "model", err)
	}
	if f.Unk == nil {
		return nil, fault.Unsupportedf(op, "model Unigram without unk_id, want one")
	}
	pieces := make([]piece, len(f.Vocab))
	for i, p := range f.Vocab {
		pieces[i] = piece{text: p.text, score: p.score}
	}
	t, err := newUnigram(op, pieces, added, *f.Unk, f.ByteFallback)
	if err != nil {
		return nil, err
	}
	t.normal = normal
	t.raw, t.normed = normal.finds(added)
	if t.before, err = metaspaces(op, j.PreTokenizer); err != nil {
		return nil, err
	}
	t.decode, err = metaDecoder(op, j.Decoder)
	return t, err
}

// metaJSON is Metaspace as a pre-tokenizer and as a decoder; add_prefix_space is
// the older form of prepend_scheme.
type metaJSON struct {
	Type        string            `json:"type"`
	Replacement string            `json:"replacement"`
	Scheme      string            `json:"prepend_scheme"`
	Prefix      *bool             `json:"add_prefix_space"`
	Split       *bool             `json:"split"`
	Steps       []json.RawMessage `json:"pretokenizers"`
}

// metaspace reads it; scheme is always, first or never.
func (m metaJSON) metaspace(op, where string) (scheme string, err error) {
	if m.Replacement != meta {
		return "", fault.Unsupportedf(op, "%s Metaspace: replacement %q, want %q", where, m.Replacement, meta)
	}
	scheme = m.Scheme
	if scheme == "" {
		if scheme = "always"; m.Prefix != nil && !*m.Prefix {
			scheme = "never"
		}
	}
	switch scheme {
	case "always", "first", "never":
		return scheme, nil
	}
	return "", fault.Unsupportedf(op, "%s Metaspace: prepend_scheme %q, want always, first or never", where, scheme)
}

// metaspaces reads a pre_tokenizer: Metaspace, alone or behind WhitespaceSplit.
func metaspaces(op string, b json.RawMessage) (func(s string, first bool) []string, error) {
	const where, want = "pre_tokenizer", "want Metaspace, alone or behind WhitespaceSplit"
	if absent(b) {
		return nil, fault.Unsupportedf(op, "no %s, %s", where, want)
	}
	flat, err := flatten(op, b, 0)
	if err != nil {
		return nil, err
	}
	words := false
	for i, step := range flat {
		var m metaJSON
		if err := json.Unmarshal(step, &m); err != nil {
			return nil, inJSON(op, where, err)
		}
		last := i == len(flat)-1
		switch {
		case m.Type == "WhitespaceSplit" && !last:
			words = true
			continue
		case m.Type != "Metaspace" || !last:
			return nil, fault.Unsupportedf(op, "%s step %d of %d is %.40q, %s", where, i+1, len(flat), m.Type, want)
		}
		scheme, err := m.metaspace(op, where)
		if err != nil {
			return nil, err
		}
		if words && scheme == "first" {
			return nil, fault.Unsupportedf(op, "%s Metaspace: prepend_scheme first behind WhitespaceSplit", where)
		}
		split := m.Split == nil || *m.Split
		return func(s string, first bool) (out []string) {
			parts := []string{s}
			if words {
				parts = strings.FieldsFunc(s, unicode.IsSpace)
			}
			for _, p := range parts {
				if p = strings.ReplaceAll(p, " ", meta); p == "" {
					continue
				}
				if !strings.HasPrefix(p, meta) && (scheme == "always" || scheme == "first" && first) {
					p = meta + p
				}
				if split {
					out = appendWords(out, p)
				} else {
					out = append(out, p)
				}
			}
			return out
		}, nil
	}
	return nil, fault.Unsupportedf(op, "%s Sequence without steps, %s", where, want)
}

// appendWords cuts s before each ▁.
func appendWords(out []string, s string) []string {
	for {
		at := strings.Index(s[1:], meta)
		if at < 0 {
			return append(out, s)
		}
		out, s = append(out, s[:at+1]), s[at+1:]
	}
}

// metaDecoder reads a decoder: Metaspace, or a sequence that makes spaces of ▁,
// bytes of <0xNN>, and drops the first space.
func metaDecoder(op string, b json.RawMessage) (d decoding, err error) {
	const want = "want Metaspace, or a Sequence of Replace ▁, ByteFallback, Fuse and Strip"
	if absent(b) {
		return d, fault.Unsupportedf(op, "no decoder, %s", want)
	}
	type fields struct {
		metaJSON
		Decoders []json.RawMessage `json:"decoders"`
		Pattern  map[string]any    `json:"pattern"`
		Content  string            `json:"content"`
		Start    int               `json:"start"`
		Stop     int               `json:"stop"`
	}
	var all fields
	if err := json.Unmarshal(b, &all); err != nil {
		return d, inJSON(op, "decoder", err)
	}
	steps := all.Decoders
	if all.Type != "Sequence" {
		steps = []json.RawMessage{b}
	}
	spaced, fused := false, false
	for _, raw := range steps {
		var s fields
		if err := json.Unmarshal(raw, &s); err != nil {
			return d, inJSON(op, "decoder", err)
		}
		switch {
		case s.Type == "Metaspace" && !spaced && !fused:
			scheme, err := s.metaspace(op, "decoder")
			if err != nil {
				return d, err
			}
			if spaced = true; scheme != "never" {
				d.leading = dropSpaces
			}
		case s.Type == "Replace" && s.Content == " " && len(s.Pattern) == 1 && s.Pattern["String"] == meta && !spaced && !fused:
			spaced = true
		case s.Type == "ByteFallback" && !fused:
			d.bytes = true
		case s.Type == "Fuse":
			fused = true
		case s.Type == "Strip" && s.Content == " " && s.Start == 1 && s.Stop == 0 && fused && d.leading == keepSpaces:
			d.leading = dropOne
		default:
			return d, fault.Unsupportedf(op, "decoder %.60q here, %s", s.Type, want)
		}
	}
	if !spaced {
		return d, fault.Unsupportedf(op, "decoder %.60q, %s", all.Type, want)
	}
	return d, nil
}
