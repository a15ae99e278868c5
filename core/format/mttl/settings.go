package mttl

import (
	"encoding/json"
	"maps"
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/torch"
	"handful/core/graph"
)

// settings are dicts of an mttl configuration, the nearest first. Newer ones
// nest (expert_config, selector_config), so a key is looked for inside, too.
type settings []*torch.Dict

// maxNest is how deep a key is looked for.
const maxNest = 4

func (s settings) get(key string) any {
	seen := map[*torch.Dict]bool{}
	for _, d := range s {
		if v := deep(d, key, maxNest, seen); v != nil {
			return v
		}
	}
	return nil
}

// deep looks into a dict once: a file may have it hold itself.
func deep(d *torch.Dict, key string, depth int, seen map[*torch.Dict]bool) any {
	if v := d.Get(key); v != nil {
		return v
	}
	if seen[d] || depth == 0 {
		return nil
	}
	seen[d] = true
	for _, v := range d.Values {
		if in, ok := v.(*torch.Dict); ok {
			if v := deep(in, key, depth-1, seen); v != nil {
				return v
			}
		}
	}
	return nil
}

func (s settings) text(key string) string { v, _ := s.get(key).(string); return v }
func (s settings) on(key string) bool     { v, _ := s.get(key).(bool); return v }

// number is a setting; ok is false where there is none.
func (s settings) number(key string) (float64, bool) {
	switch v := s.get(key).(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// fromJSON makes a dict of a JSON object.
func fromJSON(o format.Object) *torch.Dict {
	raw, err := json.Marshal(o)
	if err != nil {
		return &torch.Dict{}
	}
	var v map[string]any
	if json.Unmarshal(raw, &v) != nil {
		return &torch.Dict{}
	}
	return dict(v)
}

func dict(m map[string]any) *torch.Dict {
	d := &torch.Dict{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d.Set(k, value(m[k]))
	}
	return d
}

func value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return dict(v)
	case []any:
		l := &torch.List{}
		for _, x := range v {
			l.Items = append(l.Items, value(x))
		}
		return l
	}
	return v
}

// maxAlpha bounds lora_alpha.
const maxAlpha = 1 << 20

// alpha is what B is multiplied by for a scaling of 1/r. Where the file does
// not say, the camera-ready's routed skills have its default of 1; other
// layouts are both branches', whose defaults are 1 and 16.
func (s settings) alpha(kind layout) (float32, error) {
	v, ok := s.number("lora_alpha")
	switch {
	case !ok && kind == skilled:
		return 1, nil
	case !ok:
		return 0, fault.Inputf(op, "no lora_alpha: the file has weights alone").Next("choose the whole checkpoint, or with it the .meta or mttl_config.json beside it")
	case !(v > -maxAlpha && v < maxAlpha):
		return 0, fault.Inputf(op, "lora_alpha is %g, want a number of at most %d", v, maxAlpha)
	}
	return float32(v), nil
}

// refuse names a setting that changes what the weights mean in a way that is
// not built.
func (s settings) refuse() error {
	switch {
	case s.on("lora_warmup"):
		return fault.Unsupportedf(op, "lora_warmup: the adapter's share depends on the steps trained, which the file does not have")
	case s.on("lora_merge_after"), s.on("merge_after_op"):
		return fault.Unsupportedf(op, "lora_merge_after: skills are mixed by their outputs, not by their weights")
	}
	return nil
}

// selector is how logits become weights (PolytroponSelector.forward).
func (s settings) selector() (graph.Selector, error) {
	var on []graph.Selector
	for key, sel := range map[string]graph.Selector{"module_logits_l2_norm": graph.SelectL2, "module_logits_straight_through": graph.SelectStraightThrough,
		"poly_average_correction": graph.SelectCorrection, "poly_use_shared_skill": graph.SelectShared} {
		if s.on(key) {
			on = append(on, sel)
		}
	}
	switch len(on) {
	case 0:
		return "", nil
	case 1:
		return on[0], nil
	}
	return "", fault.Unsupportedf(op, "selectors %v together, want one", on)
}

// tasks are the training tasks' names, nil where the file has none.
func (s settings) tasks() (names []string) {
	var items []any
	switch v := s.get("task_names").(type) {
	case *torch.List:
		items = v.Items
	case torch.Tuple:
		items = v
	}
	for _, v := range items {
		n, ok := v.(string)
		if !ok {
			return nil
		}
		names = append(names, n)
	}
	return names
}
