//go:build !js

package main

import (
	"context"
	"encoding/json"

	"handful/core/engine"
	"handful/core/fault"
	"handful/wasm/rpc"
)

// with finds the adapter and runs use with it. What was found by name is freed
// after; a fine-tune keeps its place on the device.
func (s *rpcSession) with(op string, u rpcUsing, use func(engine.Adapter) error) error {
	var id int
	var name string
	if len(u.Adapter) == 0 || json.Unmarshal(u.Adapter, &name) == nil {
		a, err := s.eng.Adapter(name)
		if err != nil {
			return err
		}
		defer s.eng.Free(a)
		return use(a)
	}
	if json.Unmarshal(u.Adapter, &id) != nil {
		return fault.Inputf(op, "got the adapter %.40s, want a fine-tune or a name", u.Adapter)
	}
	f, err := s.fit(op, id)
	if err != nil {
		return err
	}
	return use(f.Adapter)
}

func (s *rpcSession) score(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		rpcUsing
		Examples string `json:"examples"`
		engine.ScoreOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with("score", p.rpcUsing, func(a engine.Adapter) (err error) {
		out, err = s.eng.Score(ctx, a, p.Examples, p.ScoreOptions)
		return err
	})
	return out, nil, err
}

func (s *rpcSession) evaluate(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		rpcUsing
		Examples string `json:"examples"`
		engine.EvalOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with("evaluate", p.rpcUsing, func(a engine.Adapter) (err error) {
		out, err = s.eng.Evaluate(ctx, a, p.Examples, p.EvalOptions)
		return err
	})
	return out, nil, err
}

// generate streams text events and answers with the whole text.
func (s *rpcSession) generate(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		rpcUsing
		engine.GenerateOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with("generate", p.rpcUsing, func(a engine.Adapter) (err error) {
		out, err = s.eng.Generate(ctx, a, p.GenerateOptions, func(piece string) { emit.Batch("text", piece) })
		return err
	})
	return out, nil, err
}

func (s *rpcSession) alignment(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		rpcUsing
		Tasks []engine.AlignTask `json:"tasks"`
		engine.AlignOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with("alignment", p.rpcUsing, func(a engine.Adapter) (err error) {
		out, err = s.eng.Align(ctx, a, p.Tasks, p.AlignOptions, func(done int) { emit.Latest("task", "", done) })
		return err
	})
	return out, nil, err
}
