package peft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/template"

	"handful/core/format/safetensors"
)

// peftVersion is the version whose files these are equal to.
const peftVersion = "0.21.2"

// File is one file of a written folder.
type File struct {
	Name  string
	Bytes []byte
}

type card struct {
	Base, Kind, Model                  string
	Sites, Rank, Skills, Splits, Tasks int
}

var cardText = template.Must(template.New("card").Parse(`---
library_name: peft
{{- if .Base}}
base_model: {{.Base | printf "%q"}}
{{- end}}
tags: [handful{{if eq .Kind "POLY"}}, mhr{{end}}]
---

# Adapter made with Handful

PEFT {{.Kind}}{{if .Rank}}, rank {{.Rank}}{{end}}, on {{.Sites}} linear layers
{{- if eq .Kind "POLY"}}: {{.Skills}} skills × {{.Splits}} splits, {{.Tasks}} task(s)
{{- end}}. It holds weights only: none of the examples that it was made from.

` + "```python" + `
{{- if eq .Kind "POLY"}}
import torch
{{- end}}
from transformers import {{.Model}}
from peft import PeftModel
base = {{.Model}}.from_pretrained({{if .Base}}{{.Base | printf "%q"}}{{else}}"path/to/the/base"{{end}})
model = PeftModel.from_pretrained(base, "path/to/this/folder").eval()
{{- if eq .Kind "POLY"}}
# routing by task: pass task_ids, one per row; call eval() so that routing is not sampled
model(**inputs, task_ids=torch.zeros(len(inputs["input_ids"]), dtype=torch.long))
{{- end}}
` + "```" + `
`))

// common are the keys that every kind of config has.
type common struct {
	taskType string
	targets  []string
	regex    bool
}

// folder puts config, weights and card together. The config holds the keys
// that PEFT has had for many versions: newer ones would make an older PEFT
// warn, and their defaults are what we mean.
func folder(cfg map[string]any, ts []safetensors.Tensor, c card, x common) ([]File, error) {
	maps.Copy(cfg, map[string]any{"task_type": taskType(x.taskType), "target_modules": targetsJSON(x.targets, x.regex), "exclude_modules": nil, "modules_to_save": nil,
		"inference_mode": true, "base_model_name_or_path": orNull(c.Base), "revision": nil, "auto_mapping": nil, "peft_version": peftVersion})
	var j bytes.Buffer
	enc := json.NewEncoder(&j)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(cfg); err != nil {
		return nil, fmt.Errorf("adapter_config.json: %w", err)
	}
	w, err := safetensors.Encode(ts, nil)
	if err != nil {
		return nil, fmt.Errorf("adapter_model.safetensors: %w", err)
	}
	if c.Model = "AutoModelForCausalLM"; x.taskType == "SEQ_2_SEQ_LM" {
		c.Model = "AutoModelForSeq2SeqLM"
	}
	var readme bytes.Buffer
	if err := cardText.Execute(&readme, c); err != nil {
		return nil, fmt.Errorf("README.md: %w", err)
	}
	return []File{{"adapter_config.json", j.Bytes()}, {"adapter_model.safetensors", w}, {"README.md", readme.Bytes()}}, nil
}

func targetsJSON(t []string, regex bool) any {
	if regex && len(t) == 1 {
		return t[0]
	}
	return append([]string{}, slices.Sorted(slices.Values(t))...) // [] rather than null
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func taskType(s string) string {
	if s == "" {
		return "CAUSAL_LM" // without one, PeftModel passes POLY's task ids by
	}
	return s
}
