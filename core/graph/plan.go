package graph

import (
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

// assign gives each step's value the best-fitting free slot. A step's output
// never shares a slot with its inputs.
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
	dies := make([][]*Node, len(p.Steps)+1)
	for _, s := range p.Steps {
		if !s.Effect() {
			dies[last[s]] = append(dies[last[s]], s)
		}
	}
	var free []int
	for i, s := range p.Steps {
		if !s.Effect() {
			p.slot[s] = p.take(&free, s.Bytes())
		}
		for _, d := range dies[i] {
			free = append(free, p.slot[d])
		}
	}
}

// take picks the smallest free slot that holds size bytes, else grows the
// largest free one, else opens a new one.
func (p *Plan) take(free *[]int, size int) int {
	best := -1
	for i, s := range *free {
		if best < 0 {
			best = i
			continue
		}
		b := (*free)[best]
		fits, bfits := p.Slots[s] >= size, p.Slots[b] >= size
		if fits && (!bfits || p.Slots[s] < p.Slots[b]) || !fits && !bfits && p.Slots[s] > p.Slots[b] {
			best = i
		}
	}
	if best < 0 {
		p.Slots = append(p.Slots, size)
		return len(p.Slots) - 1
	}
	s := (*free)[best]
	*free = append((*free)[:best], (*free)[best+1:]...)
	p.Slots[s] = max(p.Slots[s], size)
	return s
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
