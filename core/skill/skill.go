// Package skill holds inventories of pre-trained skills and what a fine-tune
// collapses to, on the host.
//
// Shapes follow mttl and PEFT (tuners/poly/layer.py): q = n_splits (heads),
// s = n_skills, r = rank, t = n_tasks.
package skill

import (
	"encoding/json"

	"handful/core/fault"
	"handful/core/graph"
)

// Config says what an inventory is made of.
type Config struct {
	Base     string   // base_model_name_or_path, "" when unknown
	TaskType string   // CAUSAL_LM or SEQ_2_SEQ_LM, "" when unknown
	Splits   int      // q, n_splits
	Skills   int      // s, n_skills
	Rank     int      // r
	Tasks    int      // t, rows of each router
	Targets  []string // target_modules: suffixes of module names; one entry with Regex
	Regex    bool     // Targets[0] is a regular expression matched against the whole name
	Routing           // how logits become weights; files know the zero value only
}

// Routing says how an inventory's logits are used and shared. The zero value
// is PEFT's: σ normalised, a router for each linear.
type Routing struct {
	Selector    graph.Selector // "" is graph.SelectSigmoid
	Granularity Granularity    // "" is Fine
}

// Inventory is a PEFT POLY adapter: for each adapted linear ("site", named by
// its HF module path such as model.layers.0.self_attn.q_proj) the skills'
// modules and the tasks' routers.
type Inventory struct {
	Config
	Sites    []string             // in natural order: layers by number, then by module
	A        map[string][]float32 // [q, s, in/q, r]
	B        map[string][]float32 // [q, s, r, out/q]
	Logits   map[string][]float32 // module_logits Z, [t, q·s]
	Dims     map[string][2]int    // in, out
	TaskRows map[string][]float32 // routers of the training tasks, [Manifest.RouterRows, q·s]; nil when not shipped
	Manifest *Manifest            // nil when the folder has none
	Sketches [][]float32          // of the gradients of Manifest.Tasks (tune.Sketch); nil when not shipped
}

// Single is one LoRA: y += (x·A)·B / Rank (PEFT lora_alpha 1).
type Single struct {
	Base     string
	TaskType string
	Rank     int
	Targets  []string
	Regex    bool
	Sites    []string
	A        map[string][]float32 // [in, r]; PEFT stores lora_A as its transpose
	B        map[string][]float32 // [r, out]; likewise
	Dims     map[string][2]int    // in, out
}

// Manifest is an inventory's manifest.json: what it was trained on and how its
// prompts look.
type Manifest struct {
	Name string `json:"name"`
	Base struct {
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
	} `json:"base"`
	Method string   `json:"method"`
	Prompt Prompt   `json:"prompt"`
	Steps  int      `json:"steps"`
	Tasks  []string `json:"tasks"`          // names of the training tasks
	Rows   []int    `json:"rows,omitempty"` // each task's row of task_rows.safetensors; absent: its place in Tasks

	// FewShot are settings of adapt that the inventory recommends, by method
	// and then by the flags' names with _ for -.
	FewShot map[string]map[string]json.RawMessage `json:"few_shot,omitempty"`
}

// Row is a task's router row among TaskRows.
func (m *Manifest) Row(task int) int {
	if m.Rows == nil {
		return task
	}
	return m.Rows[task]
}

// RowOf is the router row of a task by its name.
func (m *Manifest) RowOf(name string) (row int, ok bool) {
	for i, n := range m.Tasks {
		if n == name {
			row, ok = m.Row(i), true
		}
	}
	return row, ok
}

// RouterRows is how many rows TaskRows has; tasks may share one.
func (m *Manifest) RouterRows() int {
	n := 0
	for i := range m.Tasks {
		n = max(n, m.Row(i)+1)
	}
	return n
}

// Check refuses rows that do not belong to tasks.
func (m *Manifest) Check() error {
	if m.Rows != nil && len(m.Rows) != len(m.Tasks) {
		return fault.Inputf("manifest.json", "%d rows for %d tasks, want one for each", len(m.Rows), len(m.Tasks)).Next("get the inventory again")
	}
	for i, r := range m.Rows {
		if r < 0 || r >= len(m.Tasks) {
			return fault.Inputf("manifest.json", "task %.80q has row %d, want 0 to %d", m.Tasks[i], r, len(m.Tasks)-1).Next("get the inventory again")
		}
	}
	return nil
}

// SketchSize is how many numbers stand for a gradient in Sketches.
const SketchSize = 1024

// Prompt is how an example becomes text. Square brackets in Template mark
// parts that vanish when the example lacks their field; "Options: a; b; c"
// stands for the example's options joined by "; ".
type Prompt struct {
	Template         string `json:"template"`
	Answer           string `json:"answer"`
	End              string `json:"end"` // the token that ends an answer
	InstructionChars int    `json:"instruction_chars"`
	MaxTokensSeen    int    `json:"max_tokens_seen"`
}

// DefaultPrompt is the prompt of the shipped inventory.
func DefaultPrompt() Prompt {
	return Prompt{
		Template:         "[instruction\n]Input: {input}[\nOptions: a; b; c]\nOutput:",
		Answer:           " {output}",
		End:              "<|im_end|>",
		InstructionChars: 200,
	}
}
