// Package tune trains adapters: methods, optimiser, schedule, trainer and
// snapshots.
package tune

import (
	"context"
	"fmt"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tensor"
)

// Method is what is trained and what becomes of it.
type Method struct {
	Name    string // z, mu, mhr, lora, ia3
	Adapter route.Adapter
	Trained []route.Param // the variables that get gradients
	Tasks   int           // rows of the routers; 1 for all but mhr
	single  *skill.Single
	inv     *skill.Inventory
	ia3     *skill.IA3
	alpha   float32
	noise   *noise // where routes are sampled
}

// Z is MHR-z: only the router of one new task is trained, over frozen skills
// (mttl finetune_type "Z"). init is its logits per site.
func Z(inv *skill.Inventory, init map[string][]float32) *Method {
	one := inv.WithLogits(init)
	m := &Method{Name: "z", Adapter: route.NewPoly(one), Tasks: 1, inv: one}
	for _, p := range m.Adapter.Params() {
		if p.Logits {
			m.Trained = append(m.Trained, p)
		}
	}
	return m.mark()
}

// Mu is MHR-mu: the average of the skills, one LoRA, is trained (METHOD A3:
// the sound reading of mttl's "MuZ").
func Mu(inv *skill.Inventory) *Method {
	return newSingle("mu", inv.Collapse(inv.Uniform()), 1)
}

// LoRA trains one adapter from given values, scaled by alpha/rank.
func LoRA(s *skill.Single, alpha float32) *Method { return newSingle("lora", s, alpha) }

func newSingle(name string, s *skill.Single, alpha float32) *Method {
	m := &Method{Name: name, Adapter: route.NewLoRA(s, alpha), Tasks: 1, single: s, alpha: alpha}
	m.Trained = m.Adapter.Params()
	return m.mark()
}

// MHR trains skills and routers of all the inventory's tasks.
func MHR(inv *skill.Inventory) *Method {
	m := &Method{Name: "mhr", Adapter: route.NewPoly(inv), Tasks: inv.Tasks, inv: inv}
	m.Trained = m.Adapter.Params()
	return m.mark()
}

// IA3 trains the vectors of an (IA)³ adapter.
func IA3(a *skill.IA3) *Method {
	m := &Method{Name: "ia3", Adapter: route.NewIA3(a), Tasks: 1, ia3: a}
	m.Trained = m.Adapter.Params()
	return m.mark()
}

// mark tells of each variable of the method whether it is trained, or stays as
// it is.
func (m *Method) mark() *Method {
	for _, p := range m.Trained {
		p.Var.Trainable = true
	}
	for _, p := range m.Adapter.Params() {
		p.Var.Frozen = !p.Var.Trainable
	}
	return m
}

// Trainable is the number of trained parameters.
func (m *Method) Trainable() int {
	n := 0
	for _, p := range m.Trained {
		n += tensor.Numel(p.Var.Shape)
	}
	return n
}

// Row is the router row of an example's task: 0 but for mhr, which goes on
// with every row.
func (m *Method) Row(task int) (int32, error) {
	if task < 0 {
		return 0, fault.Inputf("task_id", "got %d, want 0 or more", task)
	}
	if m.Name != "mhr" {
		return 0, nil
	}
	if task >= m.Tasks {
		return 0, fault.Inputf("task_id", "got %d, the inventory has %d tasks", task, m.Tasks).Next("use ids below %d", m.Tasks)
	}
	return int32(task), nil
}

// Learned is what a method made: an inventory (z, mhr), a LoRA (mu, lora) or
// (IA)³ vectors. Of z two: Single is the LoRA that its routing collapses to.
type Learned struct {
	Inventory *skill.Inventory
	Single    *skill.Single
	IA3       *skill.IA3
}

// Collapse reads the trained values back.
func (m *Method) Collapse(ctx context.Context, d device.Device) (*Learned, error) {
	got := map[*tensor.Var][]float32{}
	for _, p := range m.Adapter.Params() {
		if !p.Var.Trainable {
			continue
		}
		v := make([]float32, tensor.Numel(p.Var.Shape))
		if err := d.ReadVar(ctx, p.Var, tensor.F32Bytes(v)); err != nil {
			return nil, err
		}
		if !tensor.Finite(v) {
			return nil, fault.Inputf("adapt", "%s is not finite any more", p.Var.Name).Next("lower the learning rate")
		}
		got[p.Var] = v
	}
	switch ad := m.Adapter.(type) {
	case *route.LoRA:
		s := *m.single
		s.A, s.B = map[string][]float32{}, map[string][]float32{}
		for _, site := range s.Sites {
			a, b := ad.Vars(site)
			s.A[site], s.B[site] = got[a], scaled(got[b], m.alpha)
		}
		return &Learned{Single: &s}, nil
	case *route.IA3:
		a := *m.ia3
		a.Scale = map[string][]float32{}
		for _, p := range m.Trained {
			a.Scale[p.Site] = got[p.Var]
		}
		return &Learned{IA3: &a}, nil
	}
	return m.routed(got)
}

// routed is the inventory with what was trained; sites that share a router get
// the same logits.
func (m *Method) routed(got map[*tensor.Var][]float32) (*Learned, error) {
	poly, inv := m.Adapter.(*route.Poly), *m.inv
	inv.A, inv.B, inv.Logits = map[string][]float32{}, map[string][]float32{}, map[string][]float32{}
	for _, s := range inv.Sites {
		a, b, z := poly.Vars(s)
		for _, x := range []struct {
			v        *tensor.Var
			from, to map[string][]float32
		}{{a, m.inv.A, inv.A}, {b, m.inv.B, inv.B}, {z, m.inv.Logits, inv.Logits}} {
			if x.to[s] = got[x.v]; x.to[s] == nil {
				x.to[s] = x.from[s]
			}
		}
	}
	if m.Name == "z" {
		return Routed(&inv)
	}
	return &Learned{Inventory: &inv}, nil
}

// Routed is what z has learned: an inventory with routers of one task.
func Routed(inv *skill.Inventory) (*Learned, error) {
	w, err := inv.Row(0)
	if err != nil {
		return nil, err
	}
	return &Learned{Inventory: inv, Single: inv.Collapse(w)}, nil
}

// Free drops the method's variables from a device.
func (m *Method) Free(d device.Device) {
	for _, p := range m.Adapter.Params() {
		d.Free(p.Var)
	}
}

// scaled is alpha·v: exports have lora_alpha 1.
func scaled(v []float32, alpha float32) []float32 {
	if alpha == 1 {
		return v
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = alpha * x
	}
	return out
}

func (m *Method) String() string { return fmt.Sprintf("%s, %d parameters", m.Name, m.Trainable()) }
