package peft

import (
	"encoding/json"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

const keyL = ".ia3_l"

// ReadIA3 reads an IA3 folder (PEFT tuners/ia3/layer.py): per adapted linear
// ia3_l, [out, 1], or [1, in] of a feed-forward one.
func ReadIA3(f format.Folder) (*skill.IA3, error) {
	c, f, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	a := &skill.IA3{Scale: map[string][]float32{}, Dims: map[string][2]int{}}
	if err := ia3Config(c, a); err != nil {
		return nil, err
	}
	w, err := weights(f, keyL)
	if err != nil {
		return nil, err
	}
	if a.Sites, err = sites(w, []wanted{{keyL, []int{-1, -1}}}, a.Targets, a.Regex); err != nil {
		return nil, err
	}
	for _, s := range a.Sites {
		got, _ := w.Shape(prefix + s + keyL)
		want, dim := []int{-1, 1}, [2]int{0, got[0]}
		if a.IsFeedforward(s) {
			want, dim = []int{1, -1}, [2]int{got[1], 0}
		}
		if !fits(got, want) {
			return nil, fault.Inputf("adapter", "%.120s%s: got %s, want %s by feedforward_modules %.200v", s, keyL, dims(got), dims(want), a.Feedforward).
				Next("the config and the weights do not belong together")
		}
		a.Dims[s] = dim
		if a.Scale[s], err = finite(w, prefix+s+keyL); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func ia3Config(c config, a *skill.IA3) (err error) {
	if t := c.str("peft_type"); t != "IA3" {
		return fault.Unsupportedf(op, "peft_type is %s, want IA3", c.show("peft_type"))
	}
	if err := c.refuse("peft_type", "task_type", "target_modules", "feedforward_modules", "inference_mode", "init_ia3_weights",
		"base_model_name_or_path", "revision", "auto_mapping", "peft_version"); err != nil {
		return err
	}
	a.Base, a.TaskType = c.str("base_model_name_or_path"), c.str("task_type")
	if a.Targets, a.Regex, err = c.targets(); err != nil {
		return err
	}
	if err := json.Unmarshal(c["feedforward_modules"], &a.Feedforward); err != nil || string(c["feedforward_modules"]) == "null" {
		return fault.Unsupportedf(op, "feedforward_modules is %s, want a list of names", c.show("feedforward_modules")).Next("save the adapter with a list")
	}
	return nil
}

// WriteIA3 writes an (IA)³ adapter as an IA3 folder.
func WriteIA3(a *skill.IA3) ([]File, error) {
	var ts []safetensors.Tensor
	for _, s := range a.Sites {
		shape := []int{len(a.Scale[s]), 1}
		if a.IsFeedforward(s) {
			shape = []int{1, len(a.Scale[s])}
		}
		ts = append(ts, safetensors.Tensor{Name: prefix + s + keyL, Shape: shape, Data: a.Scale[s]})
	}
	cfg := map[string]any{"peft_type": "IA3", "feedforward_modules": targetsJSON(a.Feedforward, false), "fan_in_fan_out": false, "init_ia3_weights": true}
	return folder(cfg, ts, card{Base: a.Base, Kind: "IA3", Sites: len(a.Sites)}, common{a.TaskType, a.Targets, a.Regex})
}
