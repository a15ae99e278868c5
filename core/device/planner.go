package device

import (
	"context"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Planner is a device that computes nothing: what is compiled for it is planned
// alone, to tell what memory it takes before any of it is spent.
type Planner struct {
	Like Info                      // whose limits it has
	Held func(v *tensor.Var) int64 // bytes of a variable; nil: as it is stored
	Last Stats                     // of what was planned last, also where it is above Like.Memory
	vars map[*tensor.Var]bool
}

// Vars is the sum of what all variables take that programs use.
func (p *Planner) Vars() (n int64) {
	for v := range p.vars {
		if p.Held != nil {
			n += p.Held(v)
		} else {
			n += int64(v.Bytes())
		}
	}
	return n
}

// Compile plans the graph; above Like.Memory it is a Memory fault.
func (p *Planner) Compile(_ context.Context, outs ...*graph.Node) (Program, error) {
	plan, err := graph.NewPlan(outs...)
	if err != nil {
		return nil, err
	}
	if p.vars == nil {
		p.vars = map[*tensor.Var]bool{}
	}
	for _, v := range plan.Vars {
		p.vars[v] = true
	}
	p.Last = Stats{Arena: int64(plan.Bytes()), Dispatches: len(plan.Steps)}
	for _, n := range plan.Inputs {
		p.Last.Inputs += int64(n.Bytes())
	}
	if most := p.Like.Memory; most > 0 && p.Last.Arena > most {
		return nil, Over("plan", p.Last.Arena, most)
	}
	return planned{p.Last}, nil
}

func (p *Planner) Info() Info                                          { return p.Like }
func (p *Planner) ReadVar(context.Context, *tensor.Var, []byte) error  { return idle() }
func (p *Planner) WriteVar(context.Context, *tensor.Var, []byte) error { return idle() }
func (p *Planner) Free(...*tensor.Var)                                 {}
func (p *Planner) Lost() <-chan error                                  { return nil }
func (p *Planner) Close() error                                        { return nil }

// planned is a program that can't run.
type planned struct{ stats Stats }

func (p planned) Write(*graph.Node, []byte) error                 { return idle() }
func (p planned) Run(context.Context) error                       { return idle() }
func (p planned) Read(context.Context, *graph.Node, []byte) error { return idle() }
func (p planned) Stats() Stats                                    { return p.stats }
func (p planned) Close() error                                    { return nil }

func idle() error { return fault.New(fault.Bug, "plan", "a planner runs nothing") }
