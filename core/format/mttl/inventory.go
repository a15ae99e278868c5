package mttl

import (
	"fmt"
	"strings"

	"handful/core/fault"
	"handful/core/format/torch"
	"handful/core/skill"
)

// most that shapes may claim for heads and skills.
const maxCount = 1 << 16

// skilled reads routed skills of either branch.
func (w *weights) skilled(list []*site, s settings, alpha float32) (*skill.Inventory, error) {
	inv := s.inventory(sorted(list))
	var skillFirst bool
	for i, x := range list {
		if x.a == nil || x.b == nil || len(x.a.Shape) != 4 || len(x.b.Shape) != 4 {
			if x.a == nil && x.b == nil {
				return nil, fault.Inputf(op, "%.160s has a router and no skills", x.name).Next("it goes with the checkpoint that it was tuned from: choose that one")
			}
			return nil, fault.Inputf(op, "%.160s: lora_a %v and lora_b %v, want both of four axes", x.name, x.a, x.b)
		}
		if i == 0 {
			skillFirst = w.kind == container || s.skillFirst(x)
			inv.Splits, inv.Skills, inv.Rank = x.a.Shape[0], x.a.Shape[1], x.a.Shape[3]
			if skillFirst {
				inv.Splits, inv.Skills = inv.Skills, inv.Splits
			}
			if min(inv.Splits, inv.Skills, inv.Rank) < 1 || max(inv.Splits, inv.Skills, inv.Rank) > maxCount {
				return nil, fault.Inputf(op, "%.160s: lora_a %v, want heads, skills and a rank", x.name, x.a)
			}
		}
		if err := w.skills(inv, x, skillFirst); err != nil {
			return nil, err
		}
		scale(inv.B[x.name], alpha)
	}
	return inv, w.route(inv, list, s, nil)
}

// skillFirst tells main's order of axes, [s,q,…], from the camera-ready's
// [q,s,…] where a skilled LoRA stands alone. Where shapes allow both, numbers
// in the settings decide, else the router beside it, which main keeps elsewhere.
func (s settings) skillFirst(x *site) bool {
	a, b := x.a.Shape, x.b.Shape
	camera := a[0] == b[0] && a[1] == b[1] && a[3] == b[2]
	main := a[0] == b[0] && a[3] == b[1] && a[1] == b[2]
	if camera != main {
		return main
	}
	k, ok := s.number("n_skills")
	q, ok2 := s.number("n_splits")
	return ok && ok2 && a[0] == int(k) && a[1] == int(q) && k != q
}

// skills reads A and B as [q,s,in/q,r] and [q,s,r,out/q].
func (w *weights) skills(inv *skill.Inventory, x *site, skillFirst bool) (err error) {
	q, k, r := inv.Splits, inv.Skills, inv.Rank
	na, nb := x.name+".lora_a", x.name+".lora_b"
	if !skillFirst {
		if inv.A[x.name], err = w.floats(na, x.a, q, k, -1, r); err != nil {
			return err
		}
		inv.B[x.name], err = w.floats(nb, x.b, q, k, r, -1)
		inv.Dims[x.name] = [2]int{q * x.a.Shape[2], q * x.b.Shape[3]}
		return err
	}
	a, err := w.floats(na, x.a, k, q, -1, r)
	if err != nil {
		return err
	}
	b, err := w.floats(nb, x.b, k, r, q, -1)
	if err != nil {
		return err
	}
	in, out := x.a.Shape[2], x.b.Shape[3]
	va, vb := make([]float32, 0, len(a)), make([]float32, 0, len(b))
	for h := range q {
		for s := range k {
			va = append(va, a[(s*q+h)*in*r:][:in*r]...)
			for i := range r {
				vb = append(vb, b[((s*r+i)*q+h)*out:][:out]...)
			}
		}
	}
	inv.A[x.name], inv.B[x.name], inv.Dims[x.name] = va, vb, [2]int{q * in, q * out}
	return nil
}

// named stacks the experts of a container, each a LoRA.
func (w *weights) named(list []*site, s settings, alpha float32) (*skill.Inventory, error) {
	var names []string
	for _, e := range list[0].experts {
		names = append(names, e.name)
	}
	var all []*skill.Single
	for i, name := range names {
		var one []*site
		for _, x := range list {
			if len(x.experts) != len(names) || x.experts[i].name != name {
				return nil, fault.Inputf(op, "%.120s has other experts than %.120s", x.name, list[0].name)
			}
			one = append(one, &site{name: x.name, a: x.experts[i].a, b: x.experts[i].b})
		}
		l, err := w.single(one, s, alpha, func(x *site) (*torch.Tensor, *torch.Tensor) { return x.a, x.b })
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	inv, err := skill.Stack(all, 1)
	if err != nil {
		return nil, err
	}
	inv.TaskRows, inv.Tasks = nil, 0 // the checkpoint's own routers count
	return inv, w.route(inv, list, s, names)
}

// inventory is one without skills yet.
func (s settings) inventory(sites []string) *skill.Inventory {
	inv := &skill.Inventory{Sites: sites, A: map[string][]float32{}, B: map[string][]float32{}, Logits: map[string][]float32{}, Dims: map[string][2]int{}}
	inv.Base, inv.TaskType = s.base(), taskType(sites)
	inv.Targets, inv.Regex = s.targets(sites)
	return inv
}

// route reads the routers. Without any, a checkpoint of "private" skills, or of
// main's experts by task name, has a task for each skill; any other is of
// the even mixture (AverageSelector).
func (w *weights) route(inv *skill.Inventory, list []*site, s settings, experts []string) error {
	z, err := routers(list, s.text("router_granularity"))
	if err != nil {
		return err
	}
	inv.Selector, err = s.selector()
	if err != nil {
		return err
	}
	names := s.tasks()
	switch {
	case z != nil:
		read := map[*torch.Tensor][]float32{}
		for _, x := range inv.Sites {
			t := z[x]
			if read[t] == nil {
				if read[t], err = w.floats(x+".selector.module_logits", t, -1, inv.Splits*inv.Skills); err != nil {
					return err
				}
			}
			if inv.Tasks == 0 {
				inv.Tasks = t.Shape[0]
			}
			if t.Shape[0] != inv.Tasks || inv.Tasks > maxCount {
				return fault.Inputf(op, "%.120s: a router of %d tasks, the others have %d", x, t.Shape[0], inv.Tasks)
			}
			inv.Logits[x] = read[t]
		}
	case s.text("router_selector") == "private" || s.text("model_modifier") == "skilled" || w.kind == named || w.kind == container:
		switch { // a router has a row for each skill
		case inv.Splits != 1:
			return fault.Unsupportedf(op, "private skills with %d heads, want 1", inv.Splits)
		case inv.Skills > maxExperts:
			return fault.Unsupportedf(op, "%d private skills, want at most %d", inv.Skills, maxExperts)
		}
		inv.Selector, inv.Tasks, inv.Logits = "", inv.Skills, inv.OneEach()
		if names = experts; names == nil {
			for i := range inv.Skills {
				names = append(names, fmt.Sprintf("skill %d", i))
			}
		}
	default:
		if err := w.average(list, inv.Skills); err != nil {
			return err
		}
		inv.Selector, inv.Tasks, inv.Logits, names = "", 1, inv.ZeroLogits(), nil
	}
	if len(names) > 0 && len(names) <= inv.Tasks {
		inv.Manifest = &skill.Manifest{Name: strings.TrimSuffix(w.file.Name[strings.LastIndexByte(w.file.Name, '/')+1:], ".ckpt"), Tasks: names}
	}
	return nil
}

// average wants the constant mixture to be even, where it is stored.
func (w *weights) average(list []*site, skills int) error {
	for _, x := range list {
		if x.probs == nil {
			continue
		}
		v, err := w.floats(x.name+".selector.module_probs", x.probs, -1, skills)
		if err != nil {
			return err
		}
		for _, p := range v {
			if d := p*float32(skills) - 1; d > 1e-3 || d < -1e-3 {
				return fault.Unsupportedf(op, "%.120s: a constant mixture that is not even", x.name)
			}
		}
	}
	return nil
}
