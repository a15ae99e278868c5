package graph

import (
	"slices"
	"sort"

	"handful/core/fault"
	"handful/core/tensor"
)

// Plan is what a device replays: the fused steps in order and a slot of memory
// for each value, shared by values that are never alive together.
type Plan struct {
	Steps  []*Node       // every op to run; updates of variables last
	Inputs []*Node       // written by the host
	Fills  []*Node       // constants
	Vars   []*tensor.Var // read or written, in order of first use
	Slots  []int         // bytes of each slot
	slot   map[*Node]int
	to     map[*Node]*Node
}

// NewPlan orders and fuses what outs need and assigns slots by liveness.
func NewPlan(outs ...*Node) (p *Plan, err error) {
	defer fault.Recover("plan", &err)
	want("Plan", len(outs) > 0, "no outputs")
	nodes := reach(outs)
	p = &Plan{slot: map[*Node]int{}, to: fuse(nodes, outs)}
	roots := make([]*Node, len(outs))
	for i, o := range outs {
		roots[i] = p.to[o]
	}
	live := reach(roots)
	sort.SliceStable(live, func(i, j int) bool { // updates run after every reader
		return !live[i].update() && live[j].update()
	})
	seen := map[*tensor.Var]bool{}
	for _, n := range live {
		switch n.Kind {
		case KindInput:
			p.Inputs = append(p.Inputs, n)
		case KindFill:
			p.Fills = append(p.Fills, n)
		case KindVar:
			if !seen[n.Var] {
				seen[n.Var] = true
				p.Vars = append(p.Vars, n.Var)
			}
		default:
			p.Steps = append(p.Steps, n)
		}
	}
	p.assign(roots)
	return p, nil
}

// reach lists the nodes that outs need, by ID.
func reach(outs []*Node) []*Node {
	seen := map[*Node]bool{}
	var list []*Node
	stack := append([]*Node(nil), outs...)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		list = append(list, n)
		stack = append(stack, n.In...)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// lifetime is when a value is there: from the step that makes it to the last
// that reads it.
type lifetime struct {
	n           *Node
	first, last int
}

// assign gives each step's value a slot, the largest values first: the smallest
// slot that is free while the value is there, else a new one of its size. A
// step's output never shares a slot with its inputs.
func (p *Plan) assign(roots []*Node) {
	last := map[*Node]int{}
	for i, s := range p.Steps {
		last[s] = i
		for _, in := range s.In {
			last[in] = i
		}
	}
	for _, r := range roots {
		last[r] = len(p.Steps)
	}
	var values []lifetime
	for i, s := range p.Steps {
		if !s.Effect() {
			values = append(values, lifetime{s, i, last[s]})
		}
	}
	slices.SortStableFunc(values, func(a, b lifetime) int { return b.n.Bytes() - a.n.Bytes() })
	var taken [][]lifetime // by slot, in order
	for _, v := range values {
		slot, at := -1, 0
		for i := len(taken) - 1; i >= 0 && slot < 0; i-- {
			at = sort.Search(len(taken[i]), func(j int) bool { return taken[i][j].last >= v.first })
			if at == len(taken[i]) || taken[i][at].first > v.last {
				slot = i
			}
		}
		if slot < 0 {
			slot, at = len(taken), 0
			taken, p.Slots = append(taken, nil), append(p.Slots, v.n.Bytes())
		}
		taken[slot] = slices.Insert(taken[slot], at, v)
		p.slot[v.n] = slot
	}
}

// Resolve gives the planned node that stands for a node of the built graph;
// nil when the plan does not hold it.
func (p *Plan) Resolve(n *Node) *Node {
	if m := p.to[n]; m != nil {
		return m
	}
	return nil
}

// Slot is the slot of a planned value; -1 for inputs, variables, constants and
// effects, which have storage of their own.
func (p *Plan) Slot(n *Node) int {
	if s, ok := p.slot[n]; ok {
		return s
	}
	return -1
}

// Bytes is the memory of all slots.
func (p *Plan) Bytes() int {
	t := 0
	for _, s := range p.Slots {
		t += s
	}
	return t
}
