// Package mttl reads checkpoints of mttl, the paper's own code: what
// torch.save or Lightning wrote of routed skills, of a single LoRA or of (IA)³.
// It knows two branches.
//
// mhr_camera_ready (models/adapters.py, modifiers/poly.py): for each linear
//
//	P.lora_a [q,s,in/q,r]  P.lora_b [q,s,r,out/q]  P.selector.module_logits [t,q·s]
//	P.lora_a [in,r]        P.lora_b [r,out]        a LoRA
//	P.multi_lora_b [out]                           (IA)³
//
// main (models/modifiers/lora.py, containers/lora_containers.py):
//
//	P.experts.lora_a [s,q,in/q,r]  P.experts.lora_b [s,r,q,out/q]  P.selector.module_logits
//	P.lora_a.NAME [in,r]           P.lora_b.NAME [r,out]           skills by name
//
// P is the module's path, behind "model." where the whole model was saved. A
// router that several linears share is stored once, at the first of them.
package mttl

import (
	"path"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/torch"
	"handful/core/skill"
)

const op = "mttl"

// Adapter is what a checkpoint holds: one of the three.
type Adapter struct {
	Inventory *skill.Inventory
	Single    *skill.Single
	IA3       *skill.IA3
	Name      string // of the expert, "" where the file does not say
}

// Files lists the checkpoints with an adapter among the files. The fault is of
// the first that could be one and cannot be read.
func Files(f format.Folder) (found format.Folder, err error) {
	for _, b := range f.Kind("pickle") {
		v, ferr := torch.Open(b)
		if ferr != nil {
			if err == nil {
				err = format.In(b.Name, ferr)
			}
		} else if find(v) != nil {
			found = append(found, b)
		}
	}
	return found, err
}

// Read reads a checkpoint. Settings are taken from itself, from NAME.meta
// beside NAME.ckpt (a library's expert), or from mttl_config.json and
// mttl_args.bin (a folder of save_pretrained).
func Read(b format.NamedBlob, beside format.Folder) (*Adapter, error) {
	a, err := read(b, beside)
	return a, format.In(path.Base(b.Name), fault.Or(err, "save it again with mttl, or take another one"))
}

func read(b format.NamedBlob, f format.Folder) (*Adapter, error) {
	v, err := torch.Open(b)
	if err != nil {
		return nil, err
	}
	w := find(v)
	if w == nil {
		return nil, fault.Inputf(op, "no lora_a and lora_b in it").Next("choose a file of mttl, or a PEFT folder")
	}
	w.file = b
	return w.adapter(w.settings(f.Beside(b.Name)))
}

// weights is a state_dict in a file.
type weights struct {
	file  format.NamedBlob
	root  *torch.Dict
	state *torch.Dict
	kind  layout
	spent int64 // bytes of tensors read
}

// find looks for a state_dict with an adapter's tensors: the value itself, or
// under the keys that Lightning, DeepSpeed and mttl's Expert use.
func find(v any) *weights {
	root, ok := v.(*torch.Dict)
	if !ok {
		return nil
	}
	for _, d := range []*torch.Dict{root, root.Dict("state_dict"), root.Dict("module"), root.Dict("expert_weights")} {
		if d == nil {
			continue
		}
		for i, k := range d.Keys {
			name, ok := k.(string)
			if _, tensor := d.Values[i].(*torch.Tensor); ok && tensor && part(name) != "" {
				return &weights{root: root, state: d}
			}
		}
	}
	return nil
}

// settings collects those of a checkpoint, the nearest first.
func (w *weights) settings(dir format.Folder) (s settings) {
	for _, key := range []string{"hyper_parameters", "expert_info"} {
		if d := w.root.Dict(key); d != nil {
			s = append(s, d)
		}
	}
	name := strings.TrimSuffix(path.Base(w.file.Name), path.Ext(w.file.Name))
	for _, other := range []string{name + ".meta", "mttl_args.bin"} {
		if b, ok := dir.Find(other); ok && b.Name != w.file.Name && format.SniffBlob(b) == "pickle" {
			if v, err := torch.Open(b); err == nil { // else it holds a class: do without
				if d, ok := v.(*torch.Dict); ok {
					s = append(s, d)
				}
			}
		}
	}
	if b, ok := dir.Find("mttl_config.json"); ok {
		if o, err := format.ReadObject(op, b); err == nil {
			s = append(s, fromJSON(o))
		}
	}
	return s
}
