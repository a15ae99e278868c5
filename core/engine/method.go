package engine

import (
	"context"
	"strconv"
	"strings"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/skill"
	"handful/core/task"
	"handful/core/tune"
)

// startExamples is how many examples a training task's row is tried on.
const startExamples = 16

// fromSkills tells whether a method starts from an inventory.
func fromSkills(method string) bool { return method == "z" || method == "mu" || method == "mhr" }

// method builds what is trained, and tells what its routing starts from where
// that was searched.
func (e *Engine) method(ctx context.Context, o *AdaptOptions, train []task.Example, on func(Event)) (*tune.Method, []StartRow, error) {
	switch o.Method {
	case "mu":
		return tune.Mu(e.inv), nil, nil
	case "lora", "ia3":
		m, err := e.own(o)
		return m, nil, err
	}
	routing := o.routing()
	if routing.Selector == graph.SelectSigmoid && e.inv.Selector != "" {
		routing.Selector = e.inv.Selector // the default is the inventory's own
	}
	inv := e.inv.Routed(routing)
	var m *tune.Method
	var start []StartRow
	if o.RouterInit == "keep" {
		m = tune.MHR(inv)
	} else {
		z, found, err := e.start(ctx, inv, o, train, on)
		if err != nil {
			return nil, nil, err
		}
		if start = found; o.Method == "z" {
			m = tune.Z(inv, z)
		} else {
			m = tune.MHR(inv.Repeat(z))
		}
	}
	if o.Relaxed {
		m.Sample(o.Seed)
	}
	return m, start, nil
}

// routing is how logits become weights, and who shares them.
func (o *AdaptOptions) routing() skill.Routing {
	return skill.Routing{Selector: graph.Selector(o.Selector), Granularity: skill.Granularity(o.Granularity)}
}

// start gives the logits that --router-init names.
func (e *Engine) start(ctx context.Context, inv *skill.Inventory, o *AdaptOptions, train []task.Example, on func(Event)) (z map[string][]float32, found []StartRow, err error) {
	k, search := bestOf(o.RouterInit)
	switch {
	case o.RouterInit == "fresh":
		return inv.FreshLogits(o.Seed), nil, nil
	case o.RouterInit == "mean":
		return inv.ZeroLogits(), nil, nil
	case !search:
		z, err = inv.Task(strings.TrimPrefix(o.RouterInit, "task:"))
		return soft(z), nil, err
	}
	best, examples, err := e.tryStarts(ctx, inv, o, train, k, func(done, of int) { on(Event{Start: &StartEvent{Done: done, Of: of}}) })
	if err != nil {
		return nil, nil, err
	}
	var picked []int
	for _, b := range best {
		picked = append(picked, b.Row)
		found = append(found, StartRow{Task: inv.TaskName(b.Row), Loss: b.Loss})
	}
	on(Event{Start: &StartEvent{Rows: found, Examples: examples}})
	z, err = inv.MeanTask(picked...)
	return soft(z), found, err
}

// certain is a logit whose σ′ is so small (5e-5) that a step hardly moves it.
const certain = 10

// soft cuts logits to ±certain: a router that is certain would not learn.
func soft(z map[string][]float32) map[string][]float32 {
	out := map[string][]float32{}
	for s, v := range z {
		out[s] = make([]float32, len(v))
		for i, x := range v {
			out[s][i] = min(certain, max(-certain, x))
		}
	}
	return out
}

// tryStarts tries the training tasks' rows on a balanced draw of the examples.
func (e *Engine) tryStarts(ctx context.Context, inv *skill.Inventory, o *AdaptOptions, train []task.Example, k int, on func(done, of int)) (best []tune.Start, examples int, err error) {
	if len(train) > startExamples {
		train, _ = task.Shots(train, startExamples, o.Seed)
	}
	rows, _, err := e.encode(train, o.Instruction, o.Truncate)
	if err != nil {
		return nil, 0, err
	}
	best, err = tune.BestStarts(ctx, e.dev, e.model, inv, rows, k, on)
	return best, len(rows), err
}

// BestTask is the training task under whose routing o.Examples have the
// smallest loss: the start that --router-init best takes, as an adapter.
func (e *Engine) BestTask(ctx context.Context, o AdaptOptions) (_ Adapter, _ StartRow, err error) {
	defer e.lock()()
	defer fault.Recover("best task", &err)
	if err := e.dev.ready(ctx); err != nil {
		return Adapter{}, StartRow{}, err
	}
	defer e.dev.saw(&err)
	if e.inv == nil {
		return Adapter{}, StartRow{}, fault.Inputf("best task", "no inventory was opened").Next("give one with --inventory")
	}
	train, err := parse(o.Examples)
	if err != nil {
		return Adapter{}, StartRow{}, err
	}
	best, _, err := e.tryStarts(ctx, e.inv, &o, train, 1, func(int, int) {})
	if err != nil {
		return Adapter{}, StartRow{}, err
	}
	a, err := e.Adapter("task:" + strconv.Itoa(best[0].Row))
	return a, StartRow{Task: e.inv.TaskName(best[0].Row), Loss: best[0].Loss}, err
}

// bestOf reads "best" and "best:K".
func bestOf(init string) (k int, ok bool) {
	if init == "best" {
		return 1, true
	}
	n, ok := strings.CutPrefix(init, "best:")
	if !ok {
		return 0, false
	}
	k, err := strconv.Atoi(n)
	return k, err == nil && k > 0
}

// own is what lora and ia3 train: one from scratch, or the adapter that was
// opened.
func (e *Engine) own(o *AdaptOptions) (*tune.Method, error) {
	switch {
	case !o.FromAdapter:
		return e.scratch(o)
	case len(o.Targets) > 0:
		return nil, fault.Inputf("adapt", "--targets with an adapter to begin with, which has its own").Next("leave one of them out")
	case o.Method == "ia3" && e.ia3 != nil:
		return tune.IA3(e.ia3), nil
	case o.Method != "lora" || e.single == nil:
		return nil, fault.Inputf("adapt", "the opened adapter is no %s", o.Method).Next("give a LoRA to method lora, (IA)³ to ia3, and skills as the inventory of z, mu or mhr")
	case o.Alpha == 0:
		return nil, fault.Inputf("adapt", "--alpha 0 with an adapter to begin with, which it would switch off").Next("take 1, or what it was trained with")
	}
	s := *e.single
	s.B = map[string][]float32{} // a stored one is at alpha 1
	for site, b := range e.single.B {
		s.B[site] = make([]float32, len(b))
		for i, v := range b {
			s.B[site][i] = v / float32(o.Alpha)
		}
	}
	return tune.LoRA(&s, float32(o.Alpha)), nil
}

// scratch is lora or ia3 on the base's linears that --targets names.
func (e *Engine) scratch(o *AdaptOptions) (*tune.Method, error) {
	named := o.Targets
	if len(named) == 0 && o.Method == "ia3" {
		named = e.scalings()
	}
	sites, targets, regex, err := e.targeted("adapt", named)
	if err != nil {
		return nil, err
	}
	dims := e.dims()
	if o.Method == "ia3" {
		a := skill.NewIA3(sites, dims, targets, regex)
		a.TaskType = e.taskType()
		return tune.IA3(a), nil
	}
	s := skill.NewSingle(sites, dims, o.Rank, o.Seed)
	s.TaskType, s.Targets, s.Regex = e.taskType(), targets, regex
	return tune.LoRA(s, float32(o.Alpha)), nil
}
