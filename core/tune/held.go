package tune

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/route"
)

// HeldOut tells the loss of rows that are not trained on while a method is
// trained: a forward on the method's own variables, which changes nothing. It
// holds one compiled program, large enough for its largest batch.
type HeldOut struct {
	sc      *Scorer
	batches [][]Row
}

// NewHeldOut plans and compiles. Routes are not sampled, as in what is learned.
func NewHeldOut(ctx context.Context, d device.Device, m model.Model, method *Method, rows []Row) (h *HeldOut, err error) {
	defer fault.Recover("adapt", &err)
	ad := method.Adapter
	if p, ok := ad.(*route.Poly); ok {
		ad = p.Plain()
	}
	tasks := 1
	if method.Name == "mhr" {
		tasks = method.Tasks
	}
	h = &HeldOut{sc: NewScorer(d, m, ad, tasks, false), batches: even(rows)}
	for _, b := range h.batches {
		l, err := h.sc.lay(alone(b))
		if err != nil {
			return nil, err
		}
		h.sc.least = h.sc.least.cover(sized(l.Ragged, len(l.task)))
	}
	if _, err := h.sc.program(ctx, h.sc.least); err != nil {
		return nil, err
	}
	return h, nil
}

// Loss is the mean over all label tokens, in nats.
func (h *HeldOut) Loss(ctx context.Context) (loss float64, err error) {
	defer fault.Recover("adapt", &err)
	sum, tokens := 0.0, 0
	for _, b := range h.batches {
		got, err := h.sc.batch(ctx, alone(b))
		if err != nil {
			return 0, err
		}
		for _, g := range got {
			sum, tokens = sum+g.Sum, tokens+g.Tokens
		}
	}
	return sum / float64(max(1, tokens)), nil
}

// Close frees the program.
func (h *HeldOut) Close() { h.sc.Close() }

// alone makes each row a group.
func alone(rows []Row) [][]Row {
	groups := make([][]Row, len(rows))
	for i := range rows {
		groups[i] = rows[i : i+1]
	}
	return groups
}

// even cuts rows into the fewest batches of about batchTokens and about one
// size: each is padded to the largest.
func even(rows []Row) (out [][]Row) {
	total := 0
	for _, r := range rows {
		total += r.Tokens()
	}
	n := (total + batchTokens - 1) / batchTokens
	begun, done := 0, 0
	for i, r := range rows {
		if done += r.Tokens(); done*n >= total*(len(out)+1) {
			out, begun = append(out, rows[begun:i+1]), i+1
		}
	}
	return out
}
