package text

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"handful/core/fault"
)

// normals are the steps of a normaliser, in order.
type normals []func(string) string

func (n normals) apply(s string) string {
	for _, f := range n {
		s = f(s)
	}
	return s
}

// forms are the Unicode forms by their names in tokenizer.json.
var forms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

// normaliser reads a normalizer: none, a step, or a sequence of steps.
func normaliser(op string, b json.RawMessage, depth int) (normals, error) {
	if absent(b) {
		return nil, nil
	}
	var n struct {
		Type     string            `json:"type"`
		Steps    []json.RawMessage `json:"normalizers"`
		Charsmap string            `json:"precompiled_charsmap"`
		Left     bool              `json:"strip_left"`
		Right    bool              `json:"strip_right"`
		Pattern  json.RawMessage   `json:"pattern"`
		Content  string            `json:"content"`
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return nil, inJSON(op, "normalizer", err)
	}
	if f, ok := forms[n.Type]; ok {
		return normals{f.String}, nil
	}
	switch n.Type {
	case "Nmt":
		return normals{nmt}, nil
	case "Strip":
		return normals{strip(n.Left, n.Right)}, nil
	case "Replace":
		find, err := pattern(op, "normalizer Replace", n.Pattern)
		return normals{replace(find, n.Content)}, err
	case "Precompiled":
		raw, err := base64.StdEncoding.DecodeString(n.Charsmap)
		if err != nil {
			return nil, inJSON(op, "normalizer Precompiled", err)
		}
		m, err := newCharsmap(op, raw)
		if err != nil {
			return nil, err
		}
		return normals{m.byGraphemes}, nil
	case "Sequence":
		if depth == maxDepth {
			return nil, fault.Unsupportedf(op, "normalizer: more than %d sequences in one another", maxDepth)
		}
		var all normals
		for _, step := range n.Steps {
			f, err := normaliser(op, step, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, f...)
		}
		return all, nil
	}
	return nil, fault.Unsupportedf(op, "normalizer %q, want NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Replace, Strip or a Sequence of them", n.Type)
}

// strip takes white space from the ends.
func strip(left, right bool) func(string) string {
	return func(s string) string {
		if left {
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		}
		if right {
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		}
		return s
	}
}

// replace puts content where find matches.
func replace(find finder, content string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, p := range find(s) {
			if p.match {
				b.WriteString(content)
			} else {
				b.WriteString(s[p.lo:p.hi])
			}
		}
		return b.String()
	}
}

// nmt drops control characters and makes a space of what else is one
// (tokenizers normalizers/unicode.rs, do_nmt).
func nmt(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 1 && r <= 8, r == 0xb, r >= 0xe && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
			return -1
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029, r == 0x2581, r == 0xfeff, r == 0xfffd:
			return ' '
		}
		return r
	}, s)
}
