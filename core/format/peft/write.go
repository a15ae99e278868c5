package peft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	Base, Kind                         string
	Sites, Rank, Skills, Splits, Tasks int
}

// text is the README.md of an adapter.
func (c card) text() string {
	var b strings.Builder
	poly := c.Kind == "POLY"
	when := func(so bool, format string, args ...any) {
		if so {
			fmt.Fprintf(&b, format, args...)
		}
	}
	b.WriteString("---\nlibrary_name: peft\n")
	when(c.Base != "", "base_model: %q\n", c.Base)
	b.WriteString("tags: [handful")
	when(poly, ", mhr")
	fmt.Fprintf(&b, "]\n---\n\n# Adapter made with Handful\n\nPEFT %s", c.Kind)
	when(c.Rank > 0, ", rank %d", c.Rank)
	fmt.Fprintf(&b, ", on %d linear layers", c.Sites)
	when(poly, ": %d skills × %d splits, %d task(s)", c.Skills, c.Splits, c.Tasks)
	b.WriteString(". It holds weights only: none of the examples that it was made from.\n\n```python\n")
	when(poly, "import torch\n")
	base := c.Base
	if base == "" {
		base = "path/to/the/base"
	}
	fmt.Fprintf(&b, `from transformers import AutoModelForCausalLM
from peft import PeftModel
base = AutoModelForCausalLM.from_pretrained(%q)
model = PeftModel.from_pretrained(base, "path/to/this/folder").eval()
`, base)
	when(poly, `# routing by task: pass task_ids, one per row; call eval() so that routing is not sampled
model(**inputs, task_ids=torch.zeros(len(inputs["input_ids"]), dtype=torch.long))
`)
	b.WriteString("```\n")
	return b.String()
}

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
	return []File{{"adapter_config.json", j.Bytes()}, {"adapter_model.safetensors", w}, {"README.md", []byte(c.text())}}, nil
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
