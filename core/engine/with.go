package engine

import (
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/skill"
)

// With is the same base on the same device with another inventory, and its
// prompt. It shares everything else; closing it closes both.
func (e *Engine) With(f format.Folder) (*Engine, error) {
	inv, err := e.inventory("inventory", f)
	if err != nil {
		return nil, err
	}
	o, err := e.with(inv)
	if err != nil {
		return nil, err
	}
	return o, o.identify(f)
}

func (e *Engine) with(inv *skill.Inventory) (*Engine, error) {
	o := &Engine{mu: e.mu, dev: e.dev, ckpt: e.ckpt, model: e.model, tok: e.tok, ends: map[int32]bool{},
		inv: inv, single: e.single, ia3: e.ia3, poly: e.poly, restored: e.restored, baseID: e.baseID}
	if err := o.setPrompt(); err != nil {
		return nil, err
	}
	o.describe()
	return o, nil
}

// WithRandomSkills is the engine with an inventory of the same shapes that has
// learned nothing: what routing alone is worth is seen against it. A is drawn
// as before pre-training, U(±1/√(3·in)) (mttl LoRA.reset_parameters); B, which
// would be 0 there and leave routing without any effect, is drawn uniformly
// with the root mean square of the inventory's B at each site. The prompt stays.
func (e *Engine) WithRandomSkills(seed uint64) (*Engine, error) {
	if e.inv == nil {
		return nil, fault.Inputf("inventory", "random skills want an inventory for their shapes and none was opened").Next("give one with --inventory")
	}
	r := skill.Rand(seed)
	draw := func(n int, bound float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32((2*r.Float64() - 1) * bound)
		}
		return v
	}
	inv := *e.inv
	inv.A, inv.B, inv.Logits, inv.TaskRows = map[string][]float32{}, map[string][]float32{}, inv.ZeroLogits(), nil
	inv.Tasks = 1
	for _, s := range inv.Sites {
		inv.A[s] = draw(len(e.inv.A[s]), 1/math.Sqrt(3*float64(inv.Dims[s][0])))
		inv.B[s] = draw(len(e.inv.B[s]), math.Sqrt(3)*rms(e.inv.B[s])) // U(±b) has b/√3
	}
	return e.with(&inv)
}

func rms(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(max(1, len(v))))
}
