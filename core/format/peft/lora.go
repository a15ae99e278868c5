package peft

import (
	"encoding/json"
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

const (
	keyLA = ".lora_A.weight"
	keyLB = ".lora_B.weight"
)

// ReadLoRA reads a LORA folder. PEFT stores lora_A as [r, in] and lora_B as
// [out, r]. lora_alpha (and rslora's √r) is folded into B, so that the result's
// scaling is 1/r; where rank_pattern gives linears ranks of their own, the
// result has the largest and zeros fill the others.
func ReadLoRA(f format.Folder) (*skill.Single, error) {
	s, err := readLoRA(f)
	return s, fault.Or(err, again)
}

func readLoRA(f format.Folder) (*skill.Single, error) {
	c, f, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	s := &skill.Single{A: map[string][]float32{}, B: map[string][]float32{}, Dims: map[string][2]int{}}
	l, err := loraConfig(c, s)
	if err != nil {
		return nil, err
	}
	w, err := weights(f, keyLA)
	if err != nil {
		return nil, err
	}
	rank := l.rank
	if len(l.ranks) > 0 {
		rank = -1
	}
	if s.Sites, err = sites(w, []wanted{{keyLA, []int{rank, -1}}, {keyLB, []int{-1, rank}}}, s.Targets, s.Regex); err != nil {
		return nil, err
	}
	for _, site := range s.Sites {
		r, err := l.ranks.of(site, float64(l.rank))
		if err != nil {
			return nil, err
		}
		s.Rank = max(s.Rank, int(r))
	}
	for _, site := range s.Sites {
		if err := l.readPair(w, s, site); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// lora is what a config says of ranks and scaling.
type lora struct {
	rank          int
	alpha         float64
	rslora        bool
	ranks, alphas patterns
}

func loraConfig(c config, s *skill.Single) (l lora, err error) {
	if t := c.str("peft_type"); t != "LORA" {
		return l, fault.Unsupportedf(op, "peft_type is %s, want LORA, POLY or IA3", c.show("peft_type"))
	}
	if err := c.is("bias", `"none"`, "null"); err != nil {
		return l, err
	}
	// The other initialisations change the base's weights, so that the adapter
	// alone is not the model.
	if err := c.is("init_lora_weights", "true", "false", `"gaussian"`, `"orthogonal"`, `"eva"`, "null"); err != nil {
		return l, err
	}
	if err := c.refuse("peft_type", "task_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "lora_dropout", "bias", "target_modules", "inference_mode",
		"init_lora_weights", "base_model_name_or_path", "revision", "auto_mapping", "peft_version", "megatron_core", "qalora_group_size", "runtime_config"); err != nil {
		return l, err
	}
	s.Base, s.TaskType = c.str("base_model_name_or_path"), c.str("task_type")
	if l.rank, err = c.count("r", maxRank); err != nil {
		return l, err
	}
	if s.Targets, s.Regex, err = c.targets(); err != nil {
		return l, err
	}
	l.alpha = 8 // LoraConfig's default
	if raw, ok := c["lora_alpha"]; ok {
		if err := json.Unmarshal(raw, &l.alpha); err != nil || string(raw) == "null" || math.Abs(l.alpha) > maxAlpha {
			return l, fault.Inputf(op, "lora_alpha is %s, want a number of at most %d", c.show("lora_alpha"), maxAlpha)
		}
	}
	switch string(c["use_rslora"]) {
	case "true":
		l.rslora = true
	case "false", "null", "":
	default:
		return l, fault.Inputf(op, "use_rslora is %s, want true or false", c.show("use_rslora"))
	}
	if l.ranks, err = c.patterns("rank_pattern", 1, maxRank, true); err != nil {
		return l, err
	}
	l.alphas, err = c.patterns("alpha_pattern", -maxAlpha, maxAlpha, false)
	return l, err
}

func (l lora) readPair(w tensors, s *skill.Single, site string) error {
	r64, err := l.ranks.of(site, float64(l.rank))
	if err != nil {
		return err
	}
	alpha, err := l.alphas.of(site, l.alpha)
	if err != nil {
		return err
	}
	r := int(r64)
	for _, x := range []wanted{{keyLA, []int{r, -1}}, {keyLB, []int{-1, r}}} {
		if got, _ := w.Shape(prefix + site + x.key); !fits(got, x.shape) {
			return fault.Inputf("adapter", "%.120s%s: got %s, want %s by rank_pattern", site, x.key, dims(got), dims(x.shape))
		}
	}
	va, err := finite(w, prefix+site+keyLA)
	if err != nil {
		return err
	}
	vb, err := finite(w, prefix+site+keyLB)
	if err != nil {
		return err
	}
	in, out := len(va)/r, len(vb)/r
	scale := alpha * float64(s.Rank) / r64 // of B, for 1/s.Rank in all
	if l.rslora {
		scale = alpha * float64(s.Rank) / math.Sqrt(r64)
	}
	a, b := make([]float32, in*s.Rank), make([]float32, s.Rank*out)
	for k := range r {
		for i := range in {
			a[i*s.Rank+k] = va[k*in+i]
		}
		for o := range out {
			b[k*out+o] = vb[o*r+k] * float32(scale)
		}
	}
	s.Dims[site], s.A[site], s.B[site] = [2]int{in, out}, a, b
	return nil
}

// WriteLoRA writes a single adapter as a LORA folder with lora_alpha 1.
func WriteLoRA(s *skill.Single) ([]File, error) {
	var ts []safetensors.Tensor
	for _, site := range s.Sites {
		d := s.Dims[site]
		ts = append(ts,
			safetensors.Tensor{Name: prefix + site + keyLA, Shape: []int{s.Rank, d[0]}, Data: transpose(s.A[site], d[0], s.Rank)},
			safetensors.Tensor{Name: prefix + site + keyLB, Shape: []int{d[1], s.Rank}, Data: transpose(s.B[site], s.Rank, d[1])})
	}
	cfg := map[string]any{"peft_type": "LORA", "r": s.Rank, "lora_alpha": 1, "use_rslora": false, "use_dora": false, "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": false,
		"rank_pattern": map[string]any{}, "alpha_pattern": map[string]any{}, "layers_to_transform": nil, "layers_pattern": nil, "layer_replication": nil,
		"loftq_config": map[string]any{}, "megatron_config": nil, "megatron_core": "megatron.core", "init_lora_weights": true}
	return folder(cfg, ts, card{Base: s.Base, Kind: "LORA", Sites: len(s.Sites), Rank: s.Rank}, common{s.TaskType, s.Targets, s.Regex})
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(v []float32, rows, cols int) []float32 {
	out := make([]float32, len(v))
	for r := 0; r < rows; r++ {
		for c := 0; c < cols; c++ {
			out[c*rows+r] = v[r*cols+c]
		}
	}
	return out
}
