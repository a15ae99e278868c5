package peft

import (
	"fmt"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/format/torch"
	"handful/core/skill"
	"handful/core/tensor"
)

// tensors is a file of an adapter's weights.
type tensors interface {
	Names() []string
	Shape(name string) (shape []int, dtype string)
	F32(name string) ([]float32, error)
}

// weights opens adapter_model.safetensors or, under another name, the one
// safetensors file that holds tensors with this suffix; where there is none,
// adapter_model.bin of PEFT before 0.6.
func weights(f format.Folder, suffix string) (tensors, error) {
	b, err := weightsFile(f, suffix)
	if err != nil {
		return nil, err
	}
	if b.Name != "adapter_model.safetensors" && format.SniffBlob(b) == "pickle" {
		w, err := torch.OpenState(b)
		if err != nil {
			return nil, format.In(b.Name, err)
		}
		return w, nil
	}
	w, err := safetensors.Open(b)
	if err != nil {
		return nil, format.In("adapter_model.safetensors", err)
	}
	return w, nil
}

func weightsFile(f format.Folder, suffix string) (format.NamedBlob, error) {
	if b, ok := f.Find("adapter_model.safetensors"); ok {
		return b, nil
	}
	for _, b := range f.Kind("safetensors") {
		w, err := safetensors.Open(b)
		if err == nil && slices.ContainsFunc(w.Names(), func(n string) bool { return strings.HasSuffix(n, suffix) }) {
			return b, nil
		}
	}
	if p := f.Kind("pickle"); len(p) > 0 {
		return p[0], nil
	}
	return format.NamedBlob{}, fault.Inputf("adapter", "got %s; want adapter_model.safetensors", f.Names()).Next("choose the whole PEFT folder")
}

// SkillsFile is the file that holds a POLY folder's weights.
func SkillsFile(f format.Folder) (format.NamedBlob, error) {
	_, f, err := readConfig(f)
	if err != nil {
		return format.NamedBlob{}, err
	}
	return weightsFile(f, keyA)
}

// wanted is a tensor that each site must have: its key after the site's name
// and its shape, where −1 is any size but 0.
type wanted struct {
	key   string
	shape []int
}

// sites lists the adapted linears, and holds every tensor of the file against
// what its site must have and target_modules against the sites. The fault is a
// table: site, got, want.
func sites(w tensors, want []wanted, targets []string, regex bool) ([]string, error) {
	var list, bad []string
	seen := map[string]bool{}
	for _, name := range w.Names() {
		i := slices.IndexFunc(want, func(x wanted) bool { return strings.HasSuffix(name, x.key) })
		if i < 0 || !strings.HasPrefix(name, prefix) || len(name) <= len(prefix)+len(want[i].key) {
			return nil, fault.Unsupportedf("adapter", "tensor %.120q is no part of an adapter on linears, want names like %s<module>%s", name, prefix, want[0].key)
		}
		if site := name[len(prefix) : len(name)-len(want[i].key)]; !seen[site] {
			seen[site] = true
			list = append(list, site)
		}
	}
	if len(list) == 0 {
		return nil, fault.Inputf("adapter", "no tensors, want %s for each adapted linear", want[0].key[1:])
	}
	skill.SortSites(list)
	named, err := skill.NewMatcher(targets, regex)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		for _, x := range want {
			if got, _ := w.Shape(prefix + s + x.key); !fits(got, x.shape) {
				bad = append(bad, fmt.Sprintf("%.120s%s: got %s, want %s", s, x.key, dims(got), dims(x.shape)))
			}
		}
		ok, err := named.Match(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			bad = append(bad, fmt.Sprintf("%.120s: got weights, want none: target_modules %.60v does not name it", s, targets))
		}
	}
	if len(bad) > 0 {
		const shown = 4
		more := ""
		if n := len(bad) - shown; n > 0 {
			bad, more = bad[:shown], fmt.Sprintf(" | and %d more", n)
		}
		return nil, fault.Inputf("adapter", "weights do not fit adapter_config.json: %s%s", strings.Join(bad, " | "), more).
			Next("the config and the weights do not belong together")
	}
	return list, nil
}

func fits(got, want []int) bool {
	return slices.EqualFunc(got, want, func(g, w int) bool { return g == w || w == -1 && g > 0 })
}

// dims shows a shape; any size is "*".
func dims(shape []int) string {
	if shape == nil {
		return "nothing"
	}
	return strings.ReplaceAll(fmt.Sprint(shape), "-1", "*")
}

// finite reads a tensor as float32 and refuses NaN and infinities by count.
func finite(f tensors, name string) ([]float32, error) {
	v, err := f.F32(name)
	if err != nil {
		return nil, err
	}
	if bad := tensor.NonFinite(tensor.F32, tensor.F32Bytes(v)); bad > 0 {
		return nil, format.NotFinite("adapter", name, tensor.F32, bad, len(v))
	}
	return v, nil
}
