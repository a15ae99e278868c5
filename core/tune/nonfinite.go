package tune

import (
	"context"
	"fmt"
	"slices"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// looked is how many values are read at once while an origin is searched: they
// are all alive together.
const looked = 16

// notFinite is the fault of a step that gave NaN or infinity. Its variables
// still are those of the step before, so the step is run again, in parts, to
// name the op that gave it first. What does not come again, and a variable that
// is not finite after finite updates, is a device that computes wrongly.
func (t *Trainer) notFinite(ctx context.Context, s Step, lr float64) error {
	f := fault.Inputf("adapt", "step %d: loss %v, gradient norm %v; want finite numbers", s.Step, s.Loss, s.GradNorm).
		Next("lower the learning rate (now %g)", lr)
	n, err := t.origin(ctx, s.Step-1)
	switch {
	case err != nil:
		return f // the device is needed to say more
	case n == nil:
		f.Kind = fault.DeviceLost
		f.Msg = fmt.Sprintf("step %d: loss %v, gradient norm %v, and finite when it was run again: the device computes wrongly", s.Step, s.Loss, s.GradNorm)
		return f.Next("take --device cpu, or restart the machine")
	case n.Kind == graph.KindVar && t.d.Info().Kind != "cpu":
		f.Kind = fault.DeviceLost
		f.Msg = fmt.Sprintf("step %d: %s is not finite after finite updates: the device computes wrongly", s.Step, n.Name)
		return f.Next("take --device cpu, or restart the machine")
	}
	f.Msg += ", first from " + told(n)
	return f
}

// told is a node as a person can find it: its op, and the weights that it or
// the nearest node before it reads.
func told(n *graph.Node) string {
	for behind := []*graph.Node{n}; len(behind) > 0; behind = behind[1:] {
		at := behind[0]
		for _, in := range at.In {
			if in.Kind == graph.KindVar {
				if at == n {
					return fmt.Sprintf("%s of %s", n.Kind, in.Name)
				}
				return fmt.Sprintf("%s behind %s", n.Kind, in.Name)
			}
		}
		if len(behind) < 100 {
			behind = append(behind, at.In...)
		}
	}
	return n.String()
}

// origin runs step k again without its updates and finds a value that is not
// finite though all it is made of is; nil where every value is finite.
func (t *Trainer) origin(ctx context.Context, k int) (*graph.Node, error) {
	var steps []*graph.Node
	last := t.norm
	if t.update != nil {
		last = graph.GlobalNorm(t.update.grads...) // of one part
	}
	for _, n := range needed(t.goal.loss(), last) {
		if n.Kind != graph.KindInput && n.Kind != graph.KindVar && n.Kind != graph.KindFill && !n.Effect() {
			steps = append(steps, n)
		}
	}
	// Most of what is behind a value that is not finite is none either: halve
	// until the first part with one.
	parts := slices.Collect(slices.Chunk(steps, looked))
	lo, hi := 0, len(parts)-1 // the last holds the loss's gradient norm
	var found *graph.Node
	for lo <= hi {
		mid := (lo + hi) / 2
		n, err := t.firstOf(ctx, k, parts[mid])
		if err != nil {
			return nil, err
		}
		if n == nil {
			lo = mid + 1
		} else {
			found, hi = n, mid-1
		}
	}
	for found != nil && found.Kind != graph.KindVar {
		var in []*graph.Node
		for _, n := range found.In {
			if n.DType == tensor.F32 && n.Kind != graph.KindInput && n.Kind != graph.KindFill && !slices.Contains(in, n) {
				in = append(in, n)
			}
		}
		if len(in) == 0 {
			break
		}
		n, err := t.firstOf(ctx, k, in)
		if err != nil || n == nil {
			return found, err
		}
		found = n
	}
	return found, nil
}

// needed lists what outs are made of, in order.
func needed(outs ...*graph.Node) (list []*graph.Node) {
	seen := map[*graph.Node]bool{}
	var visit func(n *graph.Node)
	visit = func(n *graph.Node) {
		if !seen[n] {
			seen[n] = true
			for _, in := range n.In {
				visit(in)
			}
			list = append(list, n)
		}
	}
	for _, o := range outs {
		visit(o)
	}
	slices.SortFunc(list, func(a, b *graph.Node) int { return a.ID - b.ID })
	return list
}

// firstOf gives the first of nodes whose value in step k is not finite.
func (t *Trainer) firstOf(ctx context.Context, k int, nodes []*graph.Node) (*graph.Node, error) {
	p, err := t.d.Compile(ctx, nodes...)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	parts, err := t.parts(k)
	if err != nil {
		return nil, err
	}
	first := len(nodes)
	for _, b := range parts {
		if err := t.write(p, b, k); err != nil {
			return nil, err
		}
		if err := p.Run(ctx); err != nil {
			return nil, err
		}
		for i, n := range nodes[:first] {
			v := make([]byte, n.Bytes())
			if err := p.Read(ctx, n, v); err != nil {
				return nil, err
			}
			if tensor.NonFinite(tensor.F32, v) > 0 {
				first = i
				break
			}
		}
	}
	if first == len(nodes) {
		return nil, nil
	}
	return nodes[first], nil
}
