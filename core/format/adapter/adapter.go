// Package adapter opens adapters and inventories of every kind: what they are
// is told by their content.
package adapter

import (
	"path"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/mttl"
	"handful/core/format/peft"
	"handful/core/skill"
)

// maxLoRAs bounds what is stacked: all are read into memory.
const maxLoRAs = 256

// Adapter is an open adapter: one of the three, and how it was stored.
type Adapter struct {
	Inventory *skill.Inventory
	Single    *skill.Single
	IA3       *skill.IA3
	Format    string // peft-poly, peft-lora, peft-ia3, mttl
	Name      string
}

// part is the files of one adapter: a PEFT config with what lies beside it, or
// a checkpoint of mttl.
type part struct {
	name  string
	files format.Folder
	ckpt  *format.NamedBlob
}

// Open opens the one adapter among the files.
func Open(f format.Folder) (*Adapter, error) {
	ps, err := parts(f)
	if err != nil {
		return nil, err
	}
	if len(ps) > 1 {
		return nil, fault.Inputf("adapter", "got %s; want one adapter", names(ps)).Next("choose one of them, or stack them into an inventory")
	}
	return ps[0].open()
}

// Inventory opens an inventory, or makes one of LoRAs, each a skill.
func Inventory(f format.Folder) (*skill.Inventory, error) {
	ps, err := parts(f)
	if err != nil {
		return nil, err
	}
	return stack(ps, 1)
}

// Stack makes an inventory of LoRAs in several folders, each a skill, or
// several; splits cuts them into heads.
func Stack(folders []format.Folder, splits int) (*skill.Inventory, error) {
	var all []part
	for _, f := range folders {
		ps, err := parts(f)
		if err != nil {
			return nil, err
		}
		all = append(all, ps...)
	}
	return stack(all, splits)
}

func stack(ps []part, splits int) (*skill.Inventory, error) {
	if len(ps) > maxLoRAs {
		return nil, fault.Inputf("stack", "%d LoRAs, want at most %d", len(ps), maxLoRAs)
	}
	var singles []*skill.Single
	var tasks []string
	for _, p := range ps {
		if p.ckpt == nil {
			if kind, err := peft.Type(p.files); err != nil {
				return nil, err
			} else if kind != "POLY" && kind != "LORA" {
				return nil, fault.Unsupportedf("inventory", "%s: peft_type is %.40q, want POLY, or LORA as a skill", p.name, kind).Next("choose another one, or give it as the adapter")
			}
		}
		a, err := p.open()
		if err != nil {
			return nil, err
		}
		switch {
		case a.Inventory != nil && len(ps) == 1 && splits == 1:
			return a.Inventory, nil
		case a.Single == nil:
			return nil, fault.Unsupportedf("inventory", "%s has skills of its own among %d adapters, want LoRAs", p.name, len(ps)).Next("take it alone, or LoRAs alone")
		}
		singles = append(singles, a.Single)
		tasks = append(tasks, unique(tasks, a.Name))
	}
	inv, err := skill.Stack(singles, splits)
	if err != nil {
		return nil, err
	}
	inv.Manifest = &skill.Manifest{Name: "stacked LoRAs", Method: "stack", Tasks: tasks}
	if len(tasks) == 1 {
		inv.Manifest.Name = tasks[0]
	}
	return inv, nil
}

// unique is a name that the others do not have.
func unique(have []string, name string) string {
	for slices.Contains(have, name) {
		name += "'"
	}
	return name
}

// parts lists the adapters among files: the PEFT configs that lie highest (what
// lies below belongs to one of them), and mttl's checkpoints.
func parts(f format.Folder) (ps []part, err error) {
	configs, err := peft.Configs(f)
	if err != nil {
		return nil, err
	}
	for _, b := range configs {
		ps = append(ps, part{name: dirName(b.Name), files: append(format.Folder{b}, without(f.Beside(b.Name), b.Name)...)})
	}
	if len(ps) > 0 {
		return ps, nil
	}
	found, err := mttl.Files(f)
	for _, b := range found {
		ps = append(ps, part{name: path.Base(b.Name), files: f, ckpt: &b})
	}
	switch {
	case len(ps) > 0:
		return ps, nil
	case err != nil:
		return nil, err
	case len(f.Kind("pickle")) > 0:
		return nil, fault.Inputf("adapter", "got %s without lora_a and lora_b; want a checkpoint of mttl or a PEFT folder", f.Names()).Next("choose the adapter's files")
	}
	return nil, fault.Inputf("adapter", "got %s; want adapter_config.json and adapter_model.safetensors, or a checkpoint of mttl", f.Names()).Next("choose the whole PEFT folder")
}

// without leaves a file out, and other configs that a browser saved beside it.
func without(f format.Folder, name string) (out format.Folder) {
	for _, b := range f {
		if b.Name != name {
			out = append(out, b)
		}
	}
	return out
}

func dirName(file string) string {
	if d := path.Base(path.Dir(file)); d != "." && d != "/" {
		return d
	}
	return "adapter"
}

func names(ps []part) string {
	var n []string
	for _, p := range ps[:min(len(ps), 6)] {
		n = append(n, p.name)
	}
	if len(ps) > 6 {
		n = append(n, "…")
	}
	return strings.Join(n, ", ")
}

// open reads one adapter.
func (p part) open() (*Adapter, error) {
	a := &Adapter{Name: p.name}
	if p.ckpt != nil {
		m, err := mttl.Read(*p.ckpt, p.files)
		if err != nil {
			return nil, err
		}
		a.Inventory, a.Single, a.IA3, a.Format = m.Inventory, m.Single, m.IA3, "mttl"
		if a.Name = strings.TrimSuffix(p.name, path.Ext(p.name)); m.Name != "" {
			a.Name = m.Name
		}
		return a, nil
	}
	kind, err := peft.Type(p.files)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "POLY":
		a.Format = "peft-poly"
		a.Inventory, err = peft.ReadInventory(p.files)
	case "IA3":
		a.Format = "peft-ia3"
		a.IA3, err = peft.ReadIA3(p.files)
	default:
		a.Format = "peft-lora"
		a.Single, err = peft.ReadLoRA(p.files)
	}
	return a, err
}
