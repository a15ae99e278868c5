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
type HeldOut struct{ t *Trainer }

// NewHeldOut plans and compiles. loss is what is trained with, such as LossLM.
// Routes are not sampled, as in what is learned.
func NewHeldOut(ctx context.Context, d device.Device, m model.Model, method *Method, rows []Row, loss string) (h *HeldOut, err error) {
	defer fault.Recover("adapt", &err)
	plain := *method
	if p, ok := method.Adapter.(*route.Poly); ok {
		plain.Adapter, plain.noise = p.Plain(), nil
	}
	t := &Trainer{d: d, m: m, method: &plain, optim: Optim{Loss: loss}, rows: rows, batches: even(rows, batchTokens)}
	err = t.fit(func() (err error) {
		if err = t.plan(false); err == nil {
			t.prog, err = d.Compile(ctx, t.goal.loss())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &HeldOut{t}, nil
}

// Loss is the mean over all label tokens, or over the rows where the loss is one
// of rows.
func (h *HeldOut) Loss(ctx context.Context) (mean float64, err error) {
	defer fault.Recover("adapt", &err)
	t, all := h.t, 0.0
	for k := range t.batches {
		parts, err := t.parts(k)
		if err != nil {
			return 0, err
		}
		share := float64(parts[0].whole.labels)
		if t.optim.Loss == LossNI || t.optim.Loss == LossTFew {
			share = float64(parts[0].whole.examples)
		}
		for _, b := range parts {
			if err := t.write(t.prog, b, k); err != nil {
				return 0, err
			}
			if err := t.prog.Run(ctx); err != nil {
				return 0, err
			}
			loss, err := readOne(ctx, t.prog, t.goal.loss())
			if err != nil {
				return 0, err
			}
			mean += share * loss
		}
		all += share
	}
	return mean / all, nil
}

// Close frees the program, not the method's variables.
func (h *HeldOut) Close() error { return h.t.Close() }
