package peft

import (
	"encoding/json"
	"math"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

const (
	keyLA = ".lora_A.weight"
	keyLB = ".lora_B.weight"
)

// ReadLoRA reads a LORA folder. lora_alpha (and rslora's √r) is folded into B,
// so that the result's scaling is 1/r. PEFT stores lora_A as [r, in] and
// lora_B as [out, r].
func ReadLoRA(f format.Folder) (*skill.Single, error) {
	c, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	if t := c.str("peft_type"); t != "LORA" {
		return nil, fault.Unsupportedf(op, "peft_type is %s, want LORA or POLY", orNone(c["peft_type"]))
	}
	for key, want := range map[string]string{"bias": `"none"`, "megatron_core": `"megatron.core"`} {
		if err := c.is(key, want, "null"); err != nil {
			return nil, err
		}
	}
	if err := c.refuse("peft_type", "task_type", "r", "lora_alpha", "use_rslora", "lora_dropout", "bias", "target_modules", "inference_mode", "init_lora_weights",
		"base_model_name_or_path", "revision", "auto_mapping", "peft_version", "megatron_core", "qalora_group_size", "loftq_config"); err != nil {
		return nil, err
	}
	s := &skill.Single{Base: c.str("base_model_name_or_path"), TaskType: c.str("task_type"), A: map[string][]float32{}, B: map[string][]float32{}, Dims: map[string][2]int{}}
	if s.Rank, err = c.count("r", maxRank); err != nil {
		return nil, err
	}
	if s.Targets, s.Regex, err = c.targets(); err != nil {
		return nil, err
	}
	alpha := 8.0 // LoraConfig's default
	if raw, ok := c["lora_alpha"]; ok {
		if err := json.Unmarshal(raw, &alpha); err != nil || math.IsInf(alpha, 0) || math.IsNaN(alpha) {
			return nil, fault.Inputf(op, "lora_alpha is %s, want a number", orNone(raw))
		}
	}
	if string(c["use_rslora"]) == "true" {
		alpha *= math.Sqrt(float64(s.Rank))
	}
	w, err := weights(f)
	if err != nil {
		return nil, err
	}
	for _, name := range w.Names() {
		if site, ok := strings.CutSuffix(strings.TrimPrefix(name, prefix), keyLA); ok {
			s.Sites = append(s.Sites, site)
		} else if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, keyLB) {
			return nil, fault.Unsupportedf("adapter", "tensor %q is not part of a LORA adapter on linears", name)
		}
	}
	skill.SortSites(s.Sites)
	if len(s.Sites) == 0 || len(w.Names()) != 2*len(s.Sites) {
		return nil, fault.Inputf("adapter", "%d tensors for %d sites, want %s and %s for each", len(w.Names()), len(s.Sites), keyLA, keyLB)
	}
	for _, site := range s.Sites {
		if err := readPair(w, s, site, float32(alpha)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readPair(w *safetensors.File, s *skill.Single, site string, alpha float32) error {
	a, _ := w.Shape(prefix + site + keyLA)
	b, _ := w.Shape(prefix + site + keyLB)
	if len(a) != 2 || a[0] != s.Rank || a[1] == 0 {
		return shapeError(site+keyLA, a, []int{s.Rank, -1})
	}
	if len(b) != 2 || b[1] != s.Rank || b[0] == 0 {
		return shapeError(site+keyLB, b, []int{-1, s.Rank})
	}
	va, err := finite(w, prefix+site+keyLA)
	if err != nil {
		return err
	}
	vb, err := finite(w, prefix+site+keyLB)
	if err != nil {
		return err
	}
	for i := range vb {
		vb[i] *= alpha
	}
	s.Dims[site] = [2]int{a[1], b[0]}
	s.A[site], s.B[site] = transpose(va, s.Rank, a[1]), transpose(vb, b[0], s.Rank)
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
	cfg := map[string]any{"peft_type": "LORA", "task_type": taskType(s.TaskType), "r": s.Rank, "lora_alpha": 1, "use_rslora": false, "use_dora": false, "lora_dropout": 0.0,
		"bias": "none", "fan_in_fan_out": false, "target_modules": targetsJSON(s.Targets, s.Regex), "exclude_modules": nil, "modules_to_save": nil,
		"rank_pattern": map[string]any{}, "alpha_pattern": map[string]any{}, "layers_to_transform": nil, "layers_pattern": nil,
		"init_lora_weights": true, "inference_mode": true, "base_model_name_or_path": orNull(s.Base), "revision": nil, "auto_mapping": nil, "peft_version": peftVersion}
	return folder(cfg, ts, card{Base: s.Base, Kind: "LORA", Sites: len(s.Sites), Rank: s.Rank})
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
