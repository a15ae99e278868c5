package main

import (
	"context"

	"handful/core/engine"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// alignment compares the gradients of tasks; a task event tells how many are
// done.
func (s *session) alignment(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		using
		Tasks []engine.AlignTask `json:"tasks"`
		engine.AlignOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	release, err := s.alone("alignment")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	err = s.with(ctx, "alignment", p.using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
		out, err = eng.Align(ctx, a, p.Tasks, p.AlignOptions, func(done int) {
			emit.Latest("task", "", done)
			web.Yield() // a stop is heard between tasks, whatever the device does
		})
		return err
	})
	return out, nil, err
}
