package mttl

import (
	"fmt"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/torch"
	"handful/core/skill"
	"handful/core/tensor"
)

// adapter puts a checkpoint's tensors together.
func (w *weights) adapter(s settings) (*Adapter, error) {
	list, err := w.sites()
	if err != nil {
		return nil, err
	}
	if err := s.refuse(); err != nil {
		return nil, err
	}
	a := &Adapter{Name: s.text("expert_name")}
	if w.kind == ia3 {
		a.IA3, err = w.ia3(list, s)
		return a, err
	}
	alpha, err := s.alpha(w.kind)
	if err != nil {
		return nil, err
	}
	switch w.kind {
	case single:
		a.Single, err = w.single(list, s, alpha, func(x *site) (*torch.Tensor, *torch.Tensor) { return x.a, x.b })
	case named:
		a.Inventory, err = w.named(list, s, alpha)
	default:
		a.Inventory, err = w.skilled(list, s, alpha)
	}
	return a, err
}

// floats reads a tensor that must have this shape, −1 for any size but 0, and
// refuses NaN and infinities.
func (w *weights) floats(name string, t *torch.Tensor, want ...int) ([]float32, error) {
	if t == nil || !fits(t.Shape, want) {
		got := "nothing"
		if t != nil {
			got = fmt.Sprint(t.Shape)
		}
		return nil, fault.Inputf(op, "%.160s: got %s, want %s", name, got, strings.ReplaceAll(fmt.Sprint(want), "-1", "*"))
	}
	// Tensors that share their data could be many times the file.
	if w.spent += t.Bytes(); w.spent > w.file.Size() {
		return nil, fault.Inputf(op, "tensors of more bytes than the file has: they share their data")
	}
	v, err := t.F32(w.file)
	if err != nil {
		return nil, format.In(name, err)
	}
	if bad := tensor.NonFinite(tensor.F32, tensor.F32Bytes(v)); bad > 0 {
		return nil, format.NotFinite(op, name, tensor.F32, bad, len(v))
	}
	return v, nil
}

func fits(got, want []int) bool {
	return slices.EqualFunc(got, want, func(g, w int) bool { return g == w || w == -1 && g > 0 })
}

// targets are the settings' patterns of modules and layers as one pattern
// (modify_modules and modify_layers, both matched whole), or where those do not
// name exactly these sites, the sites themselves.
func (s settings) targets(sites []string) (targets []string, regex bool) {
	modules, layers := s.text("modify_modules"), s.text("modify_layers")
	if modules == "" || layers == "" || len(modules)+len(layers) > 1000 {
		return sites, false
	}
	p := "(?:" + modules + `)\.(?:` + layers + ")"
	m, err := skill.NewMatcher([]string{p}, true)
	if err != nil {
		return sites, false
	}
	for _, x := range sites {
		if ok, err := m.Match(x); err != nil || !ok {
			return sites, false
		}
	}
	return []string{p}, true
}

// base and task type, as PEFT's config has them.
func (s settings) base() string {
	for _, key := range []string{"model", "base_model", "expert_model"} {
		if v := s.text(key); v != "" {
			return v
		}
	}
	return ""
}

func taskType(sites []string) string {
	if strings.HasPrefix(sites[0], "encoder.") || strings.HasPrefix(sites[0], "decoder.") {
		return "SEQ_2_SEQ_LM"
	}
	return "CAUSAL_LM"
}

// single reads a LoRA; of picks its tensors out of a site.
func (w *weights) single(list []*site, s settings, alpha float32, of func(*site) (a, b *torch.Tensor)) (*skill.Single, error) {
	l := &skill.Single{Base: s.base(), Sites: sorted(list), A: map[string][]float32{}, B: map[string][]float32{}, Dims: map[string][2]int{}}
	l.TaskType = taskType(l.Sites)
	l.Targets, l.Regex = s.targets(l.Sites)
	for _, x := range list {
		a, b := of(x)
		if l.Rank == 0 && a != nil && len(a.Shape) == 2 {
			l.Rank = a.Shape[1]
		}
		va, err := w.floats(x.name+".lora_a", a, -1, max(1, l.Rank))
		if err != nil {
			return nil, err
		}
		vb, err := w.floats(x.name+".lora_b", b, l.Rank, -1)
		if err != nil {
			return nil, err
		}
		scale(vb, alpha)
		l.A[x.name], l.B[x.name], l.Dims[x.name] = va, vb, [2]int{a.Shape[0], b.Shape[1]}
	}
	return l, nil
}

func scale(v []float32, by float32) {
	if by == 1 {
		return
	}
	for i := range v {
		v[i] *= by
	}
}

// ia3 reads (IA)³ vectors, which scale the outputs.
func (w *weights) ia3(list []*site, s settings) (*skill.IA3, error) {
	a := &skill.IA3{Base: s.base(), Sites: sorted(list), Feedforward: []string{}, Scale: map[string][]float32{}, Dims: map[string][2]int{}}
	a.TaskType = taskType(a.Sites)
	a.Targets, a.Regex = s.targets(a.Sites)
	for _, x := range list {
		v, err := w.floats(x.name+".multi_lora_b", x.l, -1)
		if err != nil {
			return nil, err
		}
		a.Scale[x.name], a.Dims[x.name] = v, [2]int{0, len(v)}
	}
	return a, nil
}
