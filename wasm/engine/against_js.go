package main

import (
	"context"

	"handful/core/engine"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// fitParams name a fine-tune.
type fitParams struct {
	ID int `json:"id"`
}

// against judges another way to use a fine-tune's examples on its rows. Steps
// of what is trained are step events.
func (s *session) against(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		fitParams
		engine.AgainstOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fits.Get("compare", p.ID)
	if err != nil {
		return nil, nil, err
	}
	release, err := s.alone("compare")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	eng, leave, err := s.take(ctx, "compare", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	row, err := eng.Against(ctx, f.Fit, p.AgainstOptions, func(ev engine.Event) {
		switch {
		case ev.Plan != nil:
			emit.Send("plan", ev.Plan)
		case ev.Step != nil:
			emit.Batch("step", ev.Step)
			web.Yield() // a stop is heard between steps, whatever the device does
		}
	})
	return row, nil, err
}

// similar lists the training tasks that are most like a fine-tune.
func (s *session) similar(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	eng, leave, err := s.take(ctx, "similar", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	out, err := s.fits.Similar(ctx, eng, r)
	return out, nil, err
}
