package hf

import (
	"encoding/json"
	"math"

	"handful/core/fault"
	"handful/core/format/gguf"
	"handful/core/tensor"
)

// ropeFreqs is llama.cpp's tensor of what each frequency is divided by.
const ropeFreqs = "rope_freqs.weight"

// scaling is how a config lengthens the context that a model was first trained
// on: transformers' modeling_rope_utils.py, rope types linear and llama3.
type scaling struct {
	Theta    *float64 `json:"rope_theta"`
	Partial  *float64 `json:"partial_rotary_factor"`
	Type     string   `json:"rope_type"`
	Old      string   `json:"type"`
	Factor   *float64 `json:"factor"`
	Low      *float64 `json:"low_freq_factor"`
	High     *float64 `json:"high_freq_factor"`
	Original *float64 `json:"original_max_position_embeddings"`
}

// rope reads rope_parameters (v5) or rope_scaling (v4, and what transformers
// goes by where both are there): the rotary embedding of whole heads.
func (c *Config) rope(f fields) error {
	key, raw := "rope_parameters", f.Rope
	if given(f.RopeScaling) && string(f.RopeScaling) != "{}" {
		key, raw = "rope_scaling", f.RopeScaling
	}
	if !given(raw) {
		return nil
	}
	var s scaling
	if err := json.Unmarshal(raw, &s); err != nil {
		return malformed(key+".", err)
	}
	set(&c.RopeTheta, s.Theta)
	if err := wholeRope(s.Partial); err != nil {
		return err
	}
	kind := s.Type
	if kind == "" {
		kind = s.Old
	}
	switch kind {
	case "", "default":
		return nil
	case "linear", "llama3":
		return c.stretch(key, s, kind)
	}
	return fault.Unsupportedf(op, "%s of type %.60q, want default, linear or llama3", key, kind)
}

func wholeRope(part *float64) error {
	if part != nil && *part != 1 {
		return fault.Unsupportedf(op, "partial_rotary_factor %g, want 1", *part)
	}
	return nil
}

// stretch sets RopeStretch: the factor for all frequencies (linear), or for
// those whose wave is longer than the first context over low_freq_factor, none
// for those shorter than it over high_freq_factor, and a blend of both
// frequencies between (llama3).
func (c *Config) stretch(key string, s scaling, kind string) error {
	factor, err := s.positive(key, "factor", s.Factor)
	if err != nil {
		return err
	}
	low, high, original := 1.0, 1.0, 0.0
	if kind == "llama3" {
		if s.Original == nil {
			context := float64(c.Context)
			s.Original = &context
		}
		for _, x := range []struct {
			name string
			v    *float64
			to   *float64
		}{{"low_freq_factor", s.Low, &low}, {"high_freq_factor", s.High, &high}, {"original_max_position_embeddings", s.Original, &original}} {
			if *x.to, err = s.positive(key, x.name, x.v); err != nil {
				return err
			}
		}
		if low >= high {
			return fault.Inputf(op, "%s: low_freq_factor %g, high_freq_factor %g, want the second larger", key, low, high)
		}
	}
	c.RopeStretch = make([]float64, c.HeadDim/2)
	for i := range c.RopeStretch {
		wave := 2 * math.Pi * math.Pow(c.RopeTheta, float64(2*i)/float64(c.HeadDim))
		switch waves := original / wave; {
		case kind == "linear" || waves < low:
			c.RopeStretch[i] = factor
		case waves > high:
			c.RopeStretch[i] = 1
		default:
			blend := (waves - low) / (high - low)
			c.RopeStretch[i] = 1 / ((1-blend)/factor + blend)
		}
	}
	return nil
}

func (s scaling) positive(key, name string, v *float64) (float64, error) {
	if v == nil {
		return 0, fault.Inputf(op, "%s has no %s", key, name)
	}
	if !(*v > 0 && *v < 1e9) {
		return 0, fault.Inputf(op, "%s: %s is %g, want a positive number", key, name, *v)
	}
	return *v, nil
}

// ggufRope reads what llama.cpp keeps of the same: a factor for all
// frequencies, or a tensor of one for each, which is how it stores llama3's.
func ggufRope(g *gguf.File, c *Config) error {
	arch := c.ModelType + "."
	kind := g.String(arch + "rope.scaling.type")
	factor := 1.0
	for _, key := range []string{"rope.scaling.factor", "rope.scale_linear"} {
		if v, ok := g.Float(arch + key); ok && v != 0 && v != 1 {
			factor = v
		}
	}
	freqs := g.Has(ropeFreqs)
	switch {
	case kind != "" && kind != "none" && kind != "linear":
		return fault.Unsupportedf("gguf", "rope scaling %.60q, want none or linear", kind)
	case factor != 1 && (kind == "none" || freqs):
		return fault.Unsupportedf("gguf", "%srope.scaling.factor is %g beside type %.60q and %s", arch, factor, kind, ropeFreqs)
	case !(factor > 0 && factor < 1e9):
		return fault.Inputf("gguf", "%srope.scaling.factor is %g, want a positive number", arch, factor)
	case factor == 1 && !freqs:
		return nil
	}
	c.RopeStretch = make([]float64, c.HeadDim/2)
	for i := range c.RopeStretch {
		c.RopeStretch[i] = factor
	}
	if !freqs {
		return nil
	}
	t, err := g.Tensor(ropeFreqs)
	if err != nil {
		return err
	}
	if s := t.Shape(); len(s) != 1 || s[0] != len(c.RopeStretch) {
		return fault.Inputf("gguf", "%s: got %v, want [%d]", ropeFreqs, s, len(c.RopeStretch))
	}
	v, err := tensor.ReadF32(t)
	if err != nil {
		return err
	}
	for i, x := range v {
		if !(x > 0 && x < 1e9) {
			return fault.Inputf("gguf", "%s: value %d is %g, want positive numbers", ropeFreqs, i, x)
		}
		c.RopeStretch[i] = float64(x)
	}
	return nil
}
