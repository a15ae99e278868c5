package peft

import (
	"bytes"
	"encoding/json"

	"handful/core/fault"
	"handful/core/skill"
)

// patterns are rank_pattern's or alpha_pattern's entries in the file's order,
// of which the first that names a module counts (PEFT utils/other.py,
// get_pattern_key).
type patterns []struct {
	names *skill.Matcher
	value float64
}

const maxPatterns = 1 << 12

// patterns reads an object of numbers from least to most by pattern.
func (c config) patterns(key string, least, most float64, whole bool) (ps patterns, err error) {
	if raw := c[key]; len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(c[key]))
	wrong := func() error {
		return fault.Inputf(op, "%s is %s, want numbers from %g to %g by pattern", key, c.show(key), least, most)
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, wrong()
	}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		var v float64
		if err != nil || !ok || dec.Decode(&v) != nil || v < least || v > most || whole && v != float64(int(v)) || len(ps) == maxPatterns {
			return nil, wrong()
		}
		m, err := skill.NewMatcher([]string{`(.*\.)?(` + name + `)`}, true)
		if err != nil {
			return nil, err
		}
		ps = append(ps, struct {
			names *skill.Matcher
			value float64
		}{m, v})
	}
	return ps, nil
}

// of is a module's value, or what holds where no pattern names it.
func (ps patterns) of(module string, otherwise float64) (float64, error) {
	for _, p := range ps {
		if ok, err := p.names.Match(module); err != nil {
			return 0, err
		} else if ok {
			return p.value, nil
		}
	}
	return otherwise, nil
}
