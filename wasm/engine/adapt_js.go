package main

import (
	"context"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
	"handful/wasm/calls"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// adapt fine-tunes. A cancelled one answers with what it has learned.
func (s *session) adapt(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	return s.fitted(ctx, "adapt", emit, func(eng *engine.Engine, on func(engine.Event)) (*engine.Fit, error) {
		o, err := calls.AdaptOptions(eng, r)
		if err != nil {
			return nil, err
		}
		return eng.Adapt(ctx, o, on)
	})
}

// mostRun bounds a kept run, in bytes: three times what is trained, and the
// examples.
const mostRun = 1 << 30

// resume goes on with a run, from the bytes of a snapshot event.
func (s *session) resume(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	if len(r.Blobs) != 1 {
		return nil, nil, fault.Inputf("resume", "got %d blobs, want the bytes of a run", len(r.Blobs))
	}
	run, err := format.ReadAll("run", web.NewBlob("run", r.Blobs[0]), mostRun)
	if err != nil {
		return nil, nil, err
	}
	return s.fitted(ctx, "resume", emit, func(eng *engine.Engine, on func(engine.Event)) (*engine.Fit, error) {
		return eng.Resume(ctx, run, on)
	})
}

// fitted fine-tunes by do, whose events become the call's, and keeps what it
// makes.
func (s *session) fitted(ctx context.Context, op string, emit *rpc.Emitter, do func(*engine.Engine, func(engine.Event)) (*engine.Fit, error)) (any, []rpc.Blob, error) {
	release, err := s.alone(op)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	eng, leave, err := s.take(ctx, op, emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	made := &calls.Fit{}
	tell := calls.Events(emit, made, func(b []byte) rpc.Blob { return web.Array(b) })
	made.Fit, err = do(eng, func(ev engine.Event) {
		tell(ev)
		if ev.Start != nil || ev.Step != nil {
			web.Yield() // a stop is heard between rows and between steps, whatever the device does
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return s.fits.Add(made), nil, nil
}

// free drops a fine-tune.
func (s *session) free(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		ID int `json:"id"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fits.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	eng, leave, err := s.take(ctx, "free", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	eng.Free(f.Adapter)
	s.fits.Drop(p.ID)
	return nil, nil, nil
}
