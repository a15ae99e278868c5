package engine

import (
	"strings"

	"handful/core/fault"
	"handful/core/model"
	"handful/core/route"
	"handful/core/skill"
)

// Adapter is something to run the base with: nothing, a single LoRA (the mean
// of an inventory, one task's mixture, a fine-tune), (IA)³ vectors or a routed
// inventory.
// It keeps its variables on the device until Free.
type Adapter struct {
	Name  string
	route route.Adapter // nil for the bare base
	tasks int           // router rows that examples may name; 1: ignored
	one   model.Adapter // route, where it is the same for every row

	row func(task string) int // a task's router row by its name; nil: examples' task_id

	instruction string   // of a restored one: taken where none is given
	options     []string // likewise
}

func singleAdapter(name string, s *skill.Single) Adapter {
	l := route.NewLoRA(s, 1)
	return Adapter{Name: name, route: l, one: l, tasks: 1}
}

func ia3Adapter(name string, s *skill.IA3) Adapter {
	a := route.NewIA3(s)
	return Adapter{Name: name, route: a, one: a, tasks: 1}
}

func routedAdapter(name string, inv *skill.Inventory) Adapter {
	return Adapter{Name: name, route: route.NewPoly(inv), tasks: inv.Tasks}
}

// Adapter finds an adapter by name: "base"; "mean", the uniform mixture;
// "task:ID", one training task's mixture; "routed", the inventory by each
// example's task_id; "file", the adapter that was opened with the base;
// "skills", the inventory with the routers of its training tasks
// (skillsAdapter), or else that adapter, with all its skills.
func (e *Engine) Adapter(which string) (Adapter, error) {
	switch {
	case which == "base" || which == "":
		return Adapter{Name: "base", tasks: 1}, nil
	case which == "skills" && e.inv != nil:
		return skillsAdapter(e.inv), nil
	case which == "skills" && e.poly != nil:
		return routedAdapter("adapter", e.poly), nil
	case which == "file" || which == "skills":
		switch {
		case e.restored != nil:
			return e.restored.Adapter, nil
		case e.single != nil:
			return singleAdapter("adapter", e.single), nil
		case e.ia3 != nil:
			return ia3Adapter("adapter", e.ia3), nil
		case e.poly != nil && e.poly.Tasks == 1:
			w, err := e.poly.Row(0)
			if err != nil {
				return Adapter{}, err
			}
			return singleAdapter("adapter", e.poly.Collapse(w)), nil
		case e.poly != nil:
			return routedAdapter("adapter", e.poly), nil
		}
		return Adapter{}, fault.Inputf("adapter", "no adapter was opened").Next("give one with --adapter")
	}
	if e.inv == nil {
		return Adapter{}, fault.Inputf("adapter", "%q wants an inventory and none was opened", which).Next("give one with --inventory")
	}
	switch {
	case which == "mean":
		return singleAdapter("mean", e.inv.Collapse(e.inv.Uniform())), nil
	case which == "routed":
		return routedAdapter("routed", e.inv), nil
	case strings.HasPrefix(which, "task:"):
		z, err := e.inv.Task(which[len("task:"):])
		if err != nil {
			return Adapter{}, err
		}
		one := e.inv.WithLogits(z)
		w, err := one.Row(0)
		if err != nil {
			return Adapter{}, err
		}
		return singleAdapter(which, one.Collapse(w)), nil
	}
	return Adapter{}, fault.Inputf("adapter", "got %q, want base, mean, routed, skills, file or task:ID", which)
}

// Free drops an adapter's values from the device. Using it again uploads them
// again.
func (e *Engine) Free(a Adapter) {
	if a.route == nil {
		return
	}
	for _, p := range a.route.Params() {
		e.dev.Free(p.Var)
	}
}
