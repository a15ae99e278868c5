package mttl

import (
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format/torch"
	"handful/core/skill"
)

// layout is how a checkpoint stores its adapters.
type layout int

const (
	none      layout = iota
	skilled          // lora_a [q,s,in/q,r]
	container        // experts.lora_a [s,q,in/q,r]
	named            // lora_a.NAME [in,r]
	single           // lora_a [in,r]
	ia3              // multi_lora_b [out]
)

// site is what a checkpoint has of one linear.
type site struct {
	name    string
	a, b    *torch.Tensor
	experts []expert // named
	l       *torch.Tensor
	logits  *torch.Tensor
	probs   *torch.Tensor // of an AverageSelector
}

type expert struct {
	name string
	a, b *torch.Tensor
}

// maxExperts bounds the experts of one linear; the largest libraries have 256.
const maxExperts = 1 << 10

// endings are the tensors of an adapter, by how their names end.
var endings = []string{".lora_a", ".lora_b", ".selector.module_logits", ".selector.module_probs", ".multi_lora_b"}

// part is an adapter's tensor by its name: one of endings, or ".lora_a." and
// ".lora_b." before an expert's name; "" for any other.
func part(name string) string {
	for _, e := range endings {
		if strings.HasSuffix(name, e) {
			return e
		}
	}
	for _, e := range []string{".lora_a.", ".lora_b."} {
		if i := strings.LastIndex(name, e); i > 0 && !strings.Contains(name[i+len(e):], ".") {
			return e
		}
	}
	return ""
}

// sites sorts the tensors by module. Lists keep the file's order, which is that
// of the model's modules.
func (w *weights) sites() (list []*site, err error) {
	at := map[string]*site{}
	strip := w.wrapped()
	var kinds [ia3 + 1]bool
	for i, k := range w.state.Keys {
		name, _ := k.(string)
		t, ok := w.state.Values[i].(*torch.Tensor)
		end := part(name)
		if !ok || end == "" {
			return nil, fault.Unsupportedf(op, "%.120q is no part of an adapter on linears", name).Next("save the adapter's tensors alone")
		}
		module, rest := name[:strings.LastIndex(name, end)], name[strings.LastIndex(name, end)+len(end):]
		kind := none
		if in, cut := strings.CutSuffix(module, ".experts"); cut {
			module, kind = in, container
		}
		module = strings.TrimPrefix(module, strip)
		s := at[module]
		if s == nil {
			s = &site{name: module}
			at[module] = s
			list = append(list, s)
		}
		switch end {
		case ".selector.module_logits":
			s.logits = t
			continue
		case ".selector.module_probs":
			s.probs = t
			continue
		case ".multi_lora_b":
			s.l, kind = t, ia3
		case ".lora_a", ".lora_b":
			if kind == none {
				if kind = skilled; len(t.Shape) == 2 {
					kind = single
				}
			}
			if end == ".lora_a" {
				s.a = t
			} else {
				s.b = t
			}
		default:
			kind = named
			i := slices.IndexFunc(s.experts, func(e expert) bool { return e.name == rest })
			if len(s.experts) > maxExperts {
				return nil, fault.Inputf(op, "%.120q has more than %d experts", module, maxExperts)
			}
			if i < 0 {
				i = len(s.experts)
				s.experts = append(s.experts, expert{name: rest})
			}
			if end == ".lora_a." {
				s.experts[i].a = t
			} else {
				s.experts[i].b = t
			}
		}
		kinds[kind] = true
		for k, have := range kinds {
			if have && layout(k) != kind {
				return nil, fault.Unsupportedf(op, "%.120q is stored in another way than the tensors before it", name)
			}
		}
		w.kind = kind
	}
	return list, nil
}

// wrapped is "model." where the names have one that HF's modules do not: that
// of the attribute which held the whole model.
func (w *weights) wrapped() string {
	for _, k := range w.state.Keys {
		name, _ := k.(string)
		rest, ok := strings.CutPrefix(name, "model.")
		if !ok || strings.HasPrefix(rest, "layers.") || strings.HasPrefix(rest, "embed_tokens.") {
			return "" // HF's own: a decoder's layers are under model
		}
	}
	return "model."
}

// sorted gives the sites' names in natural order.
func sorted(list []*site) (names []string) {
	for _, s := range list {
		names = append(names, s.name)
	}
	skill.SortSites(names)
	return names
}
