package text

import (
	"encoding/json"

	"handful/core/fault"
)

// Sequences inside sequences end at this depth.
const maxDepth = 8

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

func splitStep(op string, b json.RawMessage, behaviour string, invert bool) (splitter, error) {
	const where = "pre_tokenizer Split"
	var p patternJSON
	if json.Unmarshal(b, &p) == nil && p.Regex != nil && behaviour == "Isolated" && !invert {
		if scan, ok := scanners[*p.Regex]; ok {
			return scan, nil
		}
	}
	find, err := pattern(op, where, b)
	if err != nil {
		return nil, err
	}
	s := cutBy(find, behaviour, invert)
	if s == nil {
		return nil, fault.Unsupportedf(op, "%s: behavior %q, want Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext", where, behaviour)
	}
	return s, nil
}

type patternJSON struct{ String, Regex *string }

// pattern reads a String or a Regex to look for.
func pattern(op, where string, b json.RawMessage) (finder, error) {
	var p patternJSON
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, inJSON(op, where+": pattern", err)
	}
	switch {
	case p.String != nil:
		return findString(*p.String), nil
	case p.Regex == nil:
		return nil, fault.Inputf(op, "%s: pattern %.60s, want a String or a Regex", where, b)
	}
	return findRegex(where, *p.Regex)
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
