package tune

import (
	"context"
	"sort"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/route"
	"handful/core/skill"
	"handful/core/tensor"
)

// finalists is how many rows are tried on the examples, at least.
const finalists = 8

// Start is a training task's row and the mean loss of examples under it, in
// nats per label token.
type Start struct {
	Row  int
	Loss float64
}

// BestStarts tries the router rows of an inventory's training tasks on
// examples and gives the best k, best first. Of many rows it tries those
// towards which the loss falls most steeply from the even mixture. More than a
// few examples are best given in a balanced order. on hears of each forward
// that was done, and of how many there will be.
func BestStarts(ctx context.Context, d device.Device, m model.Model, inv *skill.Inventory, examples []Row, k int, on func(done, of int)) (best []Start, err error) {
	defer fault.Recover("router-init", &err)
	inv = inv.Trained()
	if k < 1 || k > inv.Tasks {
		return nil, fault.Inputf("router-init", "best:%d, the inventory has %d tasks", k, inv.Tasks).Next("want best:1 to best:%d", inv.Tasks)
	}
	rows := make([]int, inv.Tasks)
	for i := range rows {
		rows[i] = i
	}
	if keep := max(finalists, 2*k); keep < len(rows) {
		slope, err := slopes(ctx, d, m, inv, examples)
		if err != nil {
			return nil, err
		}
		sort.SliceStable(rows, func(i, j int) bool { return slope[rows[i]] < slope[rows[j]] })
		rows = rows[:keep]
	}
	ad := route.NewPoly(inv)
	defer func() {
		for _, p := range ad.Params() {
			d.Free(p.Var)
		}
	}()
	sc := NewScorer(d, m, ad, max(2, inv.Tasks), false) // 2: rows name their task even where there is one
	defer sc.Close()
	batches := chunks(examples)
	s := starts{sc: sc, sum: make([]RowScore, inv.Tasks), on: on, of: len(batches) * len(rows)}
	if err := s.try(ctx, rows, batches); err != nil {
		return nil, err
	}
	for _, r := range rows[:k] {
		best = append(best, Start{r, s.loss(r)})
	}
	return best, nil
}

// slopes says for each router row how steeply the examples' loss L changes on
// the way from the even mixture u to the row's mixture w: Σ ∂L/∂w·(w − u) is
// 2S·Σ ∂L/∂z·w at logits z = 0, over all routers, since there
// ∂w_i/∂z_j = (δ_ij − 1/S)/(2S). The factor is left out.
func slopes(ctx context.Context, d device.Device, m model.Model, inv *skill.Inventory, examples []Row) ([]float64, error) {
	even := *inv
	even.Routing = skill.Routing{}
	z := Z(&even, even.ZeroLogits())
	defer z.Free(d)
	var wrt []*tensor.Var
	for _, p := range z.Trained {
		wrt = append(wrt, p.Var)
	}
	out, qs := make([]float64, inv.Tasks), inv.Splits*inv.Skills
	err := gradients(ctx, d, m, z.Adapter, 1, wrt, [][]Row{examples}, func(_ int, _ float64, g []float32) error {
		for _, p := range z.Trained {
			for row := range out {
				out[row] += dot(inv.Weights(inv.Logits[p.Site][row*qs:(row+1)*qs]), g[:qs])
			}
			g = g[qs:]
		}
		return nil
	})
	return out, err
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
