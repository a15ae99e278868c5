//go:build !js

package main

import (
	"bytes"
	"context"
	"io"
	"sync"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/share"
	"handful/wasm/calls"
	"handful/wasm/rpc"
)

// rpcSession answers calls: the open engine, and what was made with it until
// it is freed. Calls have the names, options and answers of the page's engine
// (wasm/engine).
type rpcSession struct {
	eng  *engine.Engine
	turn chan struct{} // holds a value while a call uses the engine

	fits calls.Fits

	mu   sync.Mutex
	emit *rpc.Emitter // of the call that has the turn: weights are read at first use
}

func (s *rpcSession) handlers() map[string]rpc.Handler {
	h := map[string]rpc.Handler{"info": s.info, "preview": s.preview, "adapt": s.adapt, "resume": s.resume, "restore": s.restore,
		"export": s.export, "pack": s.pack, "similar": s.similar, "free": s.free, "identity": s.identity,
		"score": calls.Score(s.with), "evaluate": calls.Evaluate(s.with), "generate": calls.Generate(s.with), "alignment": calls.Alignment(s.with, func() {})}
	for name, f := range h {
		h[name] = func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			select {
			case s.turn <- struct{}{}:
			case <-ctx.Done():
				return nil, nil, fault.From(r.Method, ctx.Err())
			}
			defer func() { <-s.turn }()
			s.mu.Lock()
			s.emit = emit
			s.mu.Unlock()
			return f(ctx, r, emit)
		}
	}
	return h
}

func (s *rpcSession) progress(p engine.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.emit != nil { // not while it is opened
		s.emit.Latest("progress", p.Status, p)
	}
}

func (s *rpcSession) info(context.Context, rpc.Request, *rpc.Emitter) (any, []rpc.Blob, error) {
	return s.eng.Info(), nil, nil
}

func (s *rpcSession) identity(context.Context, rpc.Request, *rpc.Emitter) (any, []rpc.Blob, error) {
	out, err := calls.Identity(s.eng)
	return out, nil, err
}

func (s *rpcSession) preview(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	out, err := calls.Preview(s.eng, r)
	return out, nil, err
}

// with finds the adapter and runs use with it; whoever calls has the turn.
func (s *rpcSession) with(_ context.Context, op string, u calls.Using, _ *rpc.Emitter, use func(*engine.Engine, engine.Adapter) error) error {
	return s.fits.With(s.eng, op, u, func(a engine.Adapter) error { return use(s.eng, a) })
}

// adapt fine-tunes. A cancelled one answers with what it has learned.
func (s *rpcSession) adapt(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	o, err := calls.AdaptOptions(s.eng, r)
	if err != nil {
		return nil, nil, err
	}
	return s.fitted(emit, func(on func(engine.Event)) (*engine.Fit, error) { return s.eng.Adapt(ctx, o, on) })
}

func (s *rpcSession) resume(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	run, err := onlyBlob(r, "the bytes of a run")
	if err != nil {
		return nil, nil, err
	}
	return s.fitted(emit, func(on func(engine.Event)) (*engine.Fit, error) { return s.eng.Resume(ctx, run, on) })
}

func onlyBlob(r rpc.Request, want string) ([]byte, error) {
	if len(r.Blobs) == 1 {
		if b, ok := r.Blobs[0].([]byte); ok {
			return b, nil
		}
	}
	return nil, fault.Inputf(r.Method, "got %d blobs, want %s", len(r.Blobs), want)
}

// fitted fine-tunes by do, whose events become the call's, and keeps what it
// makes.
func (s *rpcSession) fitted(emit *rpc.Emitter, do func(func(engine.Event)) (*engine.Fit, error)) (any, []rpc.Blob, error) {
	made := &calls.Fit{}
	f, err := do(calls.Events(emit, made, func(b []byte) rpc.Blob { return b }))
	if err != nil {
		return nil, nil, err
	}
	made.Fit = f
	return s.fits.Add(made), nil, nil
}

func (s *rpcSession) restore(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	b, err := onlyBlob(r, "a .handful file")
	if err != nil {
		return nil, nil, err
	}
	a, err := share.Decode(b)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.fits.Restore(s.eng, a)
	return out, nil, err
}

// export gives a fine-tune's files: their names, and their bytes as blobs.
func (s *rpcSession) export(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	bare := func(b []byte) rpc.Blob { return b }
	return s.fits.Export(r, bare, func(f *engine.Fit, o engine.ConvertOptions, add func(string, rpc.Blob)) error {
		return s.eng.ExportAs(ctx, f, o, func(name string, write func(io.Writer) error) error {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				return err
			}
			add(name, b.Bytes())
			return nil
		})
	})
}

// pack gives a fine-tune as a .handful file.
func (s *rpcSession) pack(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	_, b, err := s.fits.Pack(r)
	if err != nil {
		return nil, nil, err
	}
	return map[string]any{"bytes": len(b)}, []rpc.Blob{b}, nil
}

// similar lists the training tasks that are most like a fine-tune.
func (s *rpcSession) similar(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	out, err := s.fits.Similar(ctx, s.eng, r)
	return out, nil, err
}

// free drops a fine-tune.
func (s *rpcSession) free(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
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
	s.fits.Drop(p.ID)
	s.eng.Free(f.Adapter)
	return nil, nil, nil
}
