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

// ReadLoRA reads a LORA folder. lora_alpha (and rslora's √r) is folded into B,
// so that the result's scaling is 1/r. PEFT stores lora_A as [r, in] and
// lora_B as [out, r].
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
	alpha, err := loraConfig(c, s)
	if err != nil {
		return nil, err
	}
	w, err := weights(f, keyLA)
	if err != nil {
		return nil, err
	}
	if s.Sites, err = sites(w, []wanted{{keyLA, []int{s.Rank, -1}}, {keyLB, []int{-1, s.Rank}}}, s.Targets, s.Regex); err != nil {
		return nil, err
	}
	for _, site := range s.Sites {
		if err := readPair(w, s, site, float32(alpha)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// loraConfig reads the config and gives what B is multiplied by for a scaling
// of 1/r: lora_alpha, with rslora times √r.
func loraConfig(c config, s *skill.Single) (alpha float64, err error) {
	if t := c.str("peft_type"); t != "LORA" {
		return 0, fault.Unsupportedf(op, "peft_type is %s, want LORA, POLY or IA3", c.show("peft_type"))
	}
	if err := c.is("bias", `"none"`, "null"); err != nil {
		return 0, err
	}
	// The other initialisations change the base's weights, so that the adapter
	// alone is not the model.
	if err := c.is("init_lora_weights", "true", "false", `"gaussian"`, `"orthogonal"`, `"eva"`, "null"); err != nil {
		return 0, err
	}
	if err := c.refuse("peft_type", "task_type", "r", "lora_alpha", "use_rslora", "lora_dropout", "bias", "target_modules", "inference_mode", "init_lora_weights",
		"base_model_name_or_path", "revision", "auto_mapping", "peft_version", "megatron_core", "qalora_group_size", "runtime_config"); err != nil {
		return 0, err
	}
	s.Base, s.TaskType = c.str("base_model_name_or_path"), c.str("task_type")
	if s.Rank, err = c.count("r", maxRank); err != nil {
		return 0, err
	}
	if s.Targets, s.Regex, err = c.targets(); err != nil {
		return 0, err
	}
	alpha = 8 // LoraConfig's default
	if raw, ok := c["lora_alpha"]; ok {
		if err := json.Unmarshal(raw, &alpha); err != nil || string(raw) == "null" || math.Abs(alpha) > maxAlpha {
			return 0, fault.Inputf(op, "lora_alpha is %s, want a number of at most %d", c.show("lora_alpha"), maxAlpha)
		}
	}
	switch string(c["use_rslora"]) {
	case "true":
		alpha *= math.Sqrt(float64(s.Rank))
	case "false", "null", "":
	default:
		return 0, fault.Inputf(op, "use_rslora is %s, want true or false", c.show("use_rslora"))
	}
	return alpha, nil
}

func readPair(w *safetensors.File, s *skill.Single, site string, alpha float32) error {
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
	in, out := len(va)/s.Rank, len(vb)/s.Rank
	s.Dims[site] = [2]int{in, out}
	s.A[site], s.B[site] = transpose(va, s.Rank, in), transpose(vb, out, s.Rank)
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
