package tune

import (
	"context"
	"sort"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/route"
	"handful/core/skill"
)

// Examples and rows of the search for a start: every row is tried on firstTry
// examples, the best finalists on all.
const (
	firstTry  = 4
	finalists = 16
)

// Start is a training task's row and the mean loss of examples under it, in
// nats per label token.
type Start struct {
	Row  int
	Loss float64
}

// BestStarts tries the router rows of an inventory's training tasks on
// examples and gives the best k, best first: one forward of a few examples for
// each row, then of all for those that did best. More than a few examples are
// best given in a balanced order. on hears of each forward that was done, and
// of how many there will be.
func BestStarts(ctx context.Context, d device.Device, m model.Model, inv *skill.Inventory, examples []Row, k int, on func(done, of int)) (best []Start, err error) {
	defer fault.Recover("router-init", &err)
	inv = inv.Trained()
	if k < 1 || k > inv.Tasks {
		return nil, fault.Inputf("router-init", "best:%d, the inventory has %d tasks", k, inv.Tasks).Next("want best:1 to best:%d", inv.Tasks)
	}
	ad := route.NewPoly(inv)
	defer func() {
		for _, p := range ad.Params() {
			d.Free(p.Var)
		}
	}()
	sc := NewScorer(d, m, ad, max(2, inv.Tasks), false) // 2: rows name their task even where there is one
	defer sc.Close()
	s := starts{sc: sc, sum: make([]RowScore, inv.Tasks), on: on}
	rows := make([]int, inv.Tasks)
	for i := range rows {
		rows[i] = i
	}
	few, more := chunks(examples[:min(firstTry, len(examples))]), chunks(examples[min(firstTry, len(examples)):])
	keep := min(max(finalists, k), len(rows))
	s.of = len(few)*len(rows) + len(more)*keep
	if err := s.try(ctx, rows, few); err != nil {
		return nil, err
	}
	if len(more) > 0 {
		rows = rows[:keep]
		if err := s.try(ctx, rows, more); err != nil {
			return nil, err
		}
	}
	for _, r := range rows[:k] {
		best = append(best, Start{r, s.loss(r)})
	}
	return best, nil
}

// chunks cuts examples into batches of at most batchTokens, or of one example.
func chunks(examples []Row) (out [][]Row) {
	tokens := batchTokens
	for _, x := range examples {
		if tokens += x.Tokens(); tokens > batchTokens {
			out, tokens = append(out, nil), x.Tokens()
		}
		out[len(out)-1] = append(out[len(out)-1], x)
	}
	return out
}

// starts adds up what rows cost.
type starts struct {
	sc       *Scorer
	sum      []RowScore // by row
	done, of int        // forwards
	on       func(done, of int)
}

// try scores batches under each row and sorts the rows by loss; equal ones stay
// in order. Batches stand outside: all rows run the same program.
func (s *starts) try(ctx context.Context, rows []int, batches [][]Row) error {
	for _, batch := range batches {
		for _, r := range rows {
			if err := ctx.Err(); err != nil {
				return fault.From("router-init", err)
			}
			for i := range batch {
				batch[i].Task = r
			}
			got, err := s.sc.Score(ctx, batch)
			if err != nil {
				return err
			}
			for _, g := range got {
				s.sum[r].Sum += g.Sum
				s.sum[r].Tokens += g.Tokens
			}
			s.done++
			s.on(s.done, s.of)
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return s.loss(rows[i]) < s.loss(rows[j]) })
	return nil
}

func (s *starts) loss(row int) float64 { return s.sum[row].Sum / float64(max(1, s.sum[row].Tokens)) }
