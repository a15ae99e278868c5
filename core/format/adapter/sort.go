package adapter

import (
	"path"
	"slices"
	"strings"

	"handful/core/format"
	"handful/core/format/mttl"
	"handful/core/format/safetensors"
)

// Role is what a file is for.
type Role struct {
	Base   bool // of a base model
	Skills bool // of an adapter or inventory
}

// Sort tells what each of the files is for, by its content: a zip may be both.
// What tells nothing by itself, such as a card or a licence, goes with the files
// in its folder, skills before a base. Files that nothing is known of are the
// base's, whose reader says what they are.
func Sort(f format.Folder) ([]Role, error) {
	var all format.Folder // with zips unpacked
	var from []int        // each file's place in f
	for i, b := range f {
		files, err := (format.Folder{b}).Expand()
		if err != nil {
			return nil, err
		}
		for _, x := range files {
			all, from = append(all, x), append(from, i)
		}
	}
	known := make([]Role, len(all))
	dirs := map[string]Role{}
	for i, b := range all {
		known[i] = role(b)
		d := dirs[path.Dir(b.Name)]
		dirs[path.Dir(b.Name)] = Role{d.Base || known[i].Base, d.Skills || known[i].Skills}
	}
	roles := make([]Role, len(f))
	for i, b := range all {
		r := known[i]
		if r == (Role{}) {
			switch d := dirs[path.Dir(b.Name)]; {
			case d.Skills:
				r.Skills = true
			default:
				r.Base = true
			}
		}
		to := &roles[from[i]]
		to.Base, to.Skills = to.Base || r.Base, to.Skills || r.Skills
	}
	return roles, nil
}

// role is what a file says of itself.
func role(b format.NamedBlob) (r Role) {
	switch format.SniffBlob(b) {
	case "gguf":
		r.Base = true
	case "pickle":
		found, _ := mttl.Files(format.Folder{b}) // a fault comes when it is opened
		r.Skills = len(found) > 0
	case "safetensors":
		w, err := safetensors.Open(b)
		if err != nil {
			return r
		}
		r.Skills = slices.ContainsFunc(w.Names(), func(n string) bool {
			return strings.Contains(n, ".lora_A.") || strings.Contains(n, ".lora_B.") || strings.Contains(n, ".poly_") || strings.HasSuffix(n, ".ia3_l")
		})
		r.Base = !r.Skills
	case "json":
		o, err := format.ReadObject("sort", b)
		has := func(keys ...string) bool {
			return err == nil && !slices.ContainsFunc(keys, func(k string) bool { return len(o[k]) == 0 })
		}
		r.Skills = has("peft_type") || has("prompt", "tasks") || has("selector_config") || has("modifier_config")
		r.Base = !r.Skills && (has("model_type") || has("weight_map") || has("model", "added_tokens") || has("tokenizer_class"))
	}
	return r
}
