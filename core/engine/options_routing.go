package engine

import (
	"strings"

	"handful/core/fault"
	"handful/core/graph"
)

// checkRouting refuses routing settings that are unknown or do not go together.
func (o *AdaptOptions) checkRouting(bad func(name, format string, args ...any) error, oneOf func(name, got string, want ...string) error) error {
	if err := oneOf("selector", o.Selector, "sigmoid", "l2", "straight-through", "correction", "shared"); err != nil {
		return err
	}
	if err := oneOf("granularity", o.Granularity, "fine", "layer", "block", "coder", "coarse"); err != nil {
		return err
	}
	_, search := bestOf(o.RouterInit)
	switch init := o.RouterInit; {
	case init == "fresh", init == "mean", search, strings.HasPrefix(init, "task:"):
	case init == "keep" && o.Method == "mhr":
	case init == "keep":
		return bad("router-init", "keep goes with method mhr, got %s", o.Method)
	default:
		return bad("router-init", "%q, want fresh, mean, task:ID, best, best:K or keep", init)
	}
	if o.Method != "z" && o.Method != "mhr" {
		return nil // the rest is about routes
	}
	switch s := graph.Selector(o.Selector); {
	case o.Relaxed && (s == graph.SelectL2 || s == graph.SelectStraightThrough):
		return bad("relaxed", "does not go with --selector %s: there is no sigmoid to sample", s)
	case o.RouterInit == "mean" && (s == graph.SelectL2 || s == graph.SelectStraightThrough):
		return bad("router-init", "mean is logits of zero, with which --selector %s switches every skill off", s)
	case o.Method == "mhr" && (s == graph.SelectL2 || s == graph.SelectCorrection):
		return fault.Unsupportedf("adapt", "--selector %s with method mhr: PEFT's POLY has no such routers", s).Next("take method z, whose one routing collapses to a LORA")
	}
	return nil
}
