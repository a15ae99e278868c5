package mttl

import (
	"strings"

	"handful/core/fault"
	"handful/core/format/torch"
	"handful/core/skill"
)

// granularities are tried where the file does not say which linears share a
// router; the first that gives each group one router is taken. Where several do
// they mean the same.
var granularities = []string{"finegrained", "layerwise", "blockwise", "coderwise", "coarsegrained"}

// routers gives each site its router, nil where the checkpoint has none. A shared one stands at one site of its
// group only (state_dict keeps the first name of a parameter).
func routers(list []*site, granularity string) (map[string]*torch.Tensor, error) {
	have, first := 0, map[string]*torch.Tensor{} // a file may have one under several names
	for _, s := range list {
		if s.logits == nil {
			continue
		}
		have++
		if same := first[s.logits.ID()]; same != nil {
			s.logits = same
		}
		first[s.logits.ID()] = s.logits
	}
	if have == 0 {
		return nil, nil
	}
	try := granularities
	if granularity != "" {
		try = append([]string{granularity}, granularities...)
	}
	for _, g := range try {
		if out := grouped(list, g); out != nil {
			return out, nil
		}
	}
	return nil, fault.Inputf(op, "%d routers for %d linears, which is no %s", have, len(list), strings.Join(try, ", ")).
		Next("the checkpoint lacks tensors; get the whole one")
}

// grouped is each site's router, nil unless each group has one.
func grouped(list []*site, granularity string) map[string]*torch.Tensor {
	one, out := map[string]*torch.Tensor{}, map[string]*torch.Tensor{}
	for _, s := range list {
		if s.logits == nil {
			continue
		}
		key := identifier(s.name, granularity)
		if old := one[key]; old != nil && old != s.logits {
			return nil
		}
		one[key] = s.logits
	}
	for _, s := range list {
		z := one[identifier(s.name, granularity)]
		if z == nil {
			return nil
		}
		out[s.name] = z
	}
	return out
}

// identifier names a site's router: camera-ready's words (modifiers/routing.py,
// _extract_identifier), or, on main (containers/__init__.py), any part of a
// name, up to which sites are told apart.
func identifier(site, granularity string) string {
	switch granularity {
	case "finegrained", "*":
		return site
	case "coarsegrained":
		return ""
	case "layerwise":
		return skill.Layer.Key(site)
	case "blockwise":
		return skill.Block.Key(site)
	case "coderwise":
		return skill.Coder.Key(site)
	}
	if i := strings.Index(site, granularity); i >= 0 {
		return site[:i+len(granularity)]
	}
	return site
}
