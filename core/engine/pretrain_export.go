package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"handful/core/format/peft"
	"handful/core/format/safetensors"
	"handful/core/skill"
	"handful/core/tune"
)

// manifest is manifest.json of a pre-trained inventory: what skill.Manifest
// reads, and what it was made from.
type manifest struct {
	skill.Manifest
	Rank        int        `json:"rank"`
	Skills      int        `json:"n_skills"`
	Splits      int        `json:"n_splits"`
	Scaling     float64    `json:"scaling"`
	Examples    int        `json:"examples_per_step"`
	Seed        uint64     `json:"seed"`
	HeldLoss    *float64   `json:"held_loss,omitempty"`
	Sources     []sourceOf `json:"sources,omitempty"`
	BaseTrained bool       `json:"base_trained,omitempty"`
}

// sourceOf says where a task comes from.
type sourceOf struct {
	Name     string   `json:"name"`
	Rows     int      `json:"rows"`
	Source   string   `json:"source,omitempty"`
	Licence  string   `json:"licence,omitempty"`
	Ship     bool     `json:"ship"`
	HeldLoss *float64 `json:"held_loss,omitempty"`
}

// inventoryFiles are the POLY folder with a router row for each task, the same
// rows by name beside it, the manifest and a card that lists the tasks.
func (r *pretraining) inventoryFiles(inv *skill.Inventory) ([]File, error) {
	made := *inv
	made.Manifest = nil
	poly, err := peft.WritePoly(&made)
	if err != nil {
		return nil, err
	}
	m := r.manifest(inv)
	var ts []safetensors.Tensor
	for _, s := range inv.Sites {
		qs := inv.Splits * inv.Skills
		ts = append(ts, safetensors.Tensor{Name: "base_model.model." + s + ".poly_router.module_logits", Shape: []int{len(m.Tasks), qs}, Data: inv.Logits[s][:len(m.Tasks)*qs]})
	}
	rows, err := safetensors.Encode(ts, nil)
	if err != nil {
		return nil, err
	}
	var j bytes.Buffer
	enc := json.NewEncoder(&j)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	files := []File{{"manifest.json", j.Bytes()}, {"task_rows.safetensors", rows}}
	for _, f := range poly {
		if f.Name == "README.md" {
			f.Bytes = append(f.Bytes, m.card()...)
		}
		files = append(files, File{f.Name, f.Bytes})
	}
	if r.o.DType == "F16" {
		for i, f := range files {
			if !strings.HasSuffix(f.Name, ".safetensors") {
				continue
			}
			if files[i].Bytes, err = safetensors.Narrow(f.Bytes); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

func (r *pretraining) manifest(inv *skill.Inventory) manifest {
	m := manifest{Rank: inv.Rank, Skills: inv.Skills, Splits: inv.Splits, Scaling: 1 / float64(inv.Rank), Seed: r.o.Seed, BaseTrained: r.o.TrainBase}
	m.Name, m.Method, m.Prompt, m.Steps = r.o.Name, "mhr", r.e.promptUsed(), r.out.Steps
	m.Base.File, m.Base.SHA256 = r.o.BaseFile, r.o.BaseHash
	m.Prompt.MaxTokensSeen = 0
	rows, counts := 0, make([]int, inv.Tasks)
	for _, b := range r.c.batches[:r.out.Steps] {
		rows += len(b)
		for _, i := range b {
			m.Prompt.MaxTokensSeen = max(m.Prompt.MaxTokensSeen, len(r.c.rows[i].IDs))
		}
	}
	m.Examples = rows / r.out.Steps
	for _, x := range r.c.rows {
		if x.Task != tune.Uniform {
			counts[x.Task]++
		}
	}
	if h := r.out.Held; h != nil {
		m.HeldLoss = &h.Loss
	}
	for i, t := range r.c.tasks {
		s := sourceOf{Name: t.Name, Rows: counts[i], Source: t.Source, Licence: t.Licence, Ship: t.Ship}
		if h := r.out.Held; h != nil {
			if l, ok := h.Tasks[t.Name]; ok {
				s.HeldLoss = &l
			}
		}
		m.Sources, m.Tasks = append(m.Sources, s), append(m.Tasks, t.Name)
	}
	if old := r.e.inv; len(r.c.tasks) == 0 && old != nil && old.Manifest != nil {
		m.Tasks = slices.Clone(old.Manifest.Tasks)
	}
	for i := len(m.Tasks); i < inv.Tasks; i++ {
		name := r.c.names[i]
		if name == "" {
			name = fmt.Sprintf("task_%d", i)
		}
		m.Tasks = append(m.Tasks, name)
	}
	return m
}

// promptUsed is the open inventory's prompt, else the shipped one's.
func (e *Engine) promptUsed() skill.Prompt {
	if e.inv != nil && e.inv.Manifest != nil && e.inv.Manifest.Prompt.Template != "" {
		return e.inv.Manifest.Prompt
	}
	return skill.DefaultPrompt()
}

// card is what follows the adapter's own card: what it was trained on.
func (m manifest) card() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
## What it was trained on

Multi-head adapter routing (MHR), %d steps of about %d rows that mix tasks. Row i of module_logits belongs to task i of
manifest.json. `, m.Steps, m.Examples)
	if m.BaseTrained {
		b.WriteString("The base was trained with it and lies in base/: the skills go with that one only. ")
	}
	if len(m.Sources) > 0 {
		b.WriteString("\n\n| task | rows | licence | source | may be shipped |\n|---|---|---|---|---|")
	}
	for _, s := range m.Sources {
		ship := "no"
		if s.Ship {
			ship = "yes"
		}
		fmt.Fprintf(&b, "\n| %s | %d | %s | %s | %s |", s.Name, s.Rows, s.Licence, s.Source, ship)
	}
	return b.String() + "\n"
}
