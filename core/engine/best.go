package engine

import (
	"context"
	"fmt"
	"sort"

	"handful/core/fault"
	"handful/core/route"
	"handful/core/tune"
)

// TaskLoss is how well a training task's routing fits some examples.
type TaskLoss struct {
	Task string  `json:"task"` // the inventory's name of it, or its index
	Row  int     `json:"row"`  // index, for task:ROW
	Loss float64 `json:"loss"` // nats per label token
}

// RankTasks scores examples under the routing of each training task of the
// inventory and lists the tasks, the smallest loss first. It costs a forward
// pass of the examples for each task.
func (e *Engine) RankTasks(ctx context.Context, examples, instruction string, truncate bool) (_ []TaskLoss, err error) {
	defer e.lock()()
	defer fault.Recover("rank tasks", &err)
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	rows, _, err := e.encode(exs, instruction, truncate)
	if err != nil {
		return nil, err
	}
	return e.rankTasks(ctx, rows)
}

func (e *Engine) rankTasks(ctx context.Context, rows []tune.Row) ([]TaskLoss, error) {
	if e.inv == nil {
		return nil, fault.Inputf("rank tasks", "no inventory was opened").Next("give one with --inventory")
	}
	table, n := e.inv.Logits, e.inv.Tasks
	var names []string
	if e.inv.Manifest != nil {
		names = e.inv.Manifest.Tasks
		if e.inv.TaskRows != nil {
			table, n = e.inv.TaskRows, len(names)
		}
	}
	inv := e.inv.WithLogits(table)
	inv.Tasks = n
	a := route.NewPoly(inv)
	defer e.Free(Adapter{route: a})
	sc := tune.NewScorer(e.dev, e.model, a, n, false)
	defer sc.Close()
	out := make([]TaskLoss, n)
	for t := range out {
		mine := make([]tune.Row, len(rows))
		for i, r := range rows {
			r.Task = t
			mine[i] = r
		}
		got, err := sc.Score(ctx, mine)
		if err != nil {
			return nil, err
		}
		sum, tokens := 0.0, 0
		for _, g := range got {
			sum, tokens = sum+g.Sum, tokens+g.Tokens
		}
		out[t] = TaskLoss{Task: fmt.Sprint(t), Row: t, Loss: sum / float64(max(1, tokens))}
		if t < len(names) {
			out[t].Task = names[t]
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Loss < out[j].Loss })
	return out, nil
}
