package text

import (
	"encoding/json"

	"golang.org/x/text/unicode/norm"

	"handful/core/fault"
)

// Sequences inside sequences end at this depth.
const maxDepth = 8

// normaliser reads a normalizer: none, a Unicode form, or a sequence of them.
func normaliser(op string, b json.RawMessage, depth int) ([]norm.Form, error) {
	if absent(b) {
		return nil, nil
	}
	kind, err := typeOf(op, "normalizer", b)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "NFC":
		return []norm.Form{norm.NFC}, nil
	case "NFD":
		return []norm.Form{norm.NFD}, nil
	case "NFKC":
		return []norm.Form{norm.NFKC}, nil
	case "NFKD":
		return []norm.Form{norm.NFKD}, nil
	case "Sequence":
		var s struct {
			Steps []json.RawMessage `json:"normalizers"`
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return nil, inJSON(op, "normalizer", err)
		}
		if depth == maxDepth {
			return nil, fault.Unsupportedf(op, "normalizer: more than %d sequences in one another", maxDepth)
		}
		var all []norm.Form
		for _, step := range s.Steps {
			f, err := normaliser(op, step, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, f...)
		}
		return all, nil
	}
	return nil, fault.Unsupportedf(op, "normalizer %q, want NFC, NFD, NFKC, NFKD or a Sequence of them", kind)
}

// preTokenizer reads a pre_tokenizer, whose last step must be ByteLevel.
func preTokenizer(op string, b json.RawMessage) ([]splitter, error) {
	if absent(b) {
		return nil, fault.Unsupportedf(op, "no pre_tokenizer, want ByteLevel")
	}
	flat, err := flatten(op, b, 0)
	if err != nil {
		return nil, err
	}
	var steps []splitter
	for i, step := range flat {
		more, kind, err := preStep(op, step)
		if err != nil {
			return nil, err
		}
		if last := i == len(flat)-1; last != (kind == "ByteLevel") {
			return nil, fault.Unsupportedf(op, "pre_tokenizer step %d of %d is %s, want ByteLevel as the last and only there", i+1, len(flat), kind)
		}
		steps = append(steps, more...)
	}
	if len(flat) == 0 {
		return nil, fault.Unsupportedf(op, "pre_tokenizer Sequence without steps, want ByteLevel")
	}
	return steps, nil
}

// flatten opens sequences.
func flatten(op string, b json.RawMessage, depth int) ([]json.RawMessage, error) {
	kind, err := typeOf(op, "pre_tokenizer", b)
	if err != nil || kind != "Sequence" {
		return []json.RawMessage{b}, err
	}
	var s struct {
		Steps []json.RawMessage `json:"pretokenizers"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, inJSON(op, "pre_tokenizer", err)
	}
	if depth == maxDepth {
		return nil, fault.Unsupportedf(op, "pre_tokenizer: more than %d sequences in one another", maxDepth)
	}
	var all []json.RawMessage
	for _, step := range s.Steps {
		more, err := flatten(op, step, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func preStep(op string, b json.RawMessage) (steps []splitter, kind string, err error) {
	var p struct {
		Type        string          `json:"type"`
		Individual  bool            `json:"individual_digits"`
		PrefixSpace *bool           `json:"add_prefix_space"`
		UseRegex    *bool           `json:"use_regex"`
		Pattern     json.RawMessage `json:"pattern"`
		Behaviour   string          `json:"behavior"`
		Invert      bool            `json:"invert"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, "", inJSON(op, "pre_tokenizer", err)
	}
	switch p.Type {
	case "ByteLevel":
		if p.PrefixSpace == nil {
			return nil, "", fault.Inputf(op, "pre_tokenizer ByteLevel has no add_prefix_space")
		}
		if *p.PrefixSpace {
			steps = append(steps, prefixSpace)
		}
		if p.UseRegex == nil || *p.UseRegex {
			steps = append(steps, scanGPT2)
		}
		return steps, p.Type, nil
	case "Digits":
		behaviour := "Contiguous"
		if p.Individual {
			behaviour = "Isolated"
		}
		return []splitter{cutBy(findDigits, behaviour, false)}, p.Type, nil
	case "Split":
		s, err := splitStep(op, p.Pattern, p.Behaviour, p.Invert)
		return []splitter{s}, p.Type, err
	}
	return nil, "", fault.Unsupportedf(op, "pre_tokenizer %q, want ByteLevel, Digits, Split or a Sequence of them", p.Type)
}

func splitStep(op string, pattern json.RawMessage, behaviour string, invert bool) (splitter, error) {
	var p struct {
		String *string
		Regex  *string
	}
	if err := json.Unmarshal(pattern, &p); err != nil {
		return nil, inJSON(op, "pre_tokenizer Split: pattern", err)
	}
	var find finder
	switch {
	case p.String != nil:
		find = findString(*p.String)
	case p.Regex == nil:
		return nil, fault.Inputf(op, "pre_tokenizer Split: pattern %.60s, want a String or a Regex", pattern)
	default:
		if scan, ok := scanners[*p.Regex]; ok && behaviour == "Isolated" && !invert {
			return scan, nil
		}
		var err error
		if find, err = findRegex(*p.Regex); err != nil {
			return nil, err
		}
	}
	s := cutBy(find, behaviour, invert)
	if s == nil {
		return nil, fault.Unsupportedf(op, "pre_tokenizer Split: behavior %q, want Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext", behaviour)
	}
	return s, nil
}

// byteDecoder takes a ByteLevel decoder, alone or in a sequence, or none.
func byteDecoder(op string, b json.RawMessage) error {
	if absent(b) {
		return nil
	}
	var d struct {
		Type     string            `json:"type"`
		Decoders []json.RawMessage `json:"decoders"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return inJSON(op, "decoder", err)
	}
	if d.Type == "Sequence" && len(d.Decoders) == 1 {
		kind, err := typeOf(op, "decoder", d.Decoders[0])
		if err != nil {
			return err
		}
		d.Type = kind
	}
	if d.Type != "ByteLevel" {
		return fault.Unsupportedf(op, "decoder %q, want ByteLevel", d.Type)
	}
	return nil
}
