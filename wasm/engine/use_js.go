package main

import (
	"context"

	"handful/core/engine"
	"handful/core/task"
	"handful/wasm/calls"
	"handful/wasm/rpc"
)

// with waits for the engine, finds the adapter and runs use with it.
func (s *session) with(ctx context.Context, op string, u calls.Using, emit *rpc.Emitter, use func(*engine.Engine, engine.Adapter) error) error {
	eng, leave, err := s.take(ctx, op, emit)
	if err != nil {
		return err
	}
	defer leave()
	return s.fits.With(eng, op, u, func(a engine.Adapter) error { return use(eng, a) })
}

// withAlone is with for a call that no other long one may join.
func (s *session) withAlone(ctx context.Context, op string, u calls.Using, emit *rpc.Emitter, use func(*engine.Engine, engine.Adapter) error) error {
	release, err := s.alone(op)
	if err != nil {
		return err
	}
	defer release()
	return s.with(ctx, op, u, emit, use)
}

// columns names the columns of a table that are the input and the output.
func (s *session) columns(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	p := struct {
		Examples string `json:"examples"`
		Input    int    `json:"input"`
		Output   int    `json:"output"`
		Header   bool   `json:"header"`
	}{Header: true}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	text, err := task.Mapped(p.Examples, p.Input, p.Output, p.Header)
	return map[string]string{"examples": text}, nil, err
}

func (s *session) preview(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	eng, err := s.engine("preview")
	if err != nil {
		return nil, nil, err
	}
	out, err := calls.Preview(eng, r)
	return out, nil, err
}

// routing tells the mixture of an adapter by its name.
func (s *session) routing(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		Adapter string `json:"adapter"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	eng, err := s.engine("routing")
	if err != nil {
		return nil, nil, err
	}
	out, err := eng.Routing(p.Adapter)
	return out, nil, err
}
