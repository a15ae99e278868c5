package main

import (
	"context"
	"encoding/json"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/task"
	"handful/wasm/rpc"
)

// using picks an adapter: a fine-tune's id, or a name as in engine.Adapter.
type using struct {
	Adapter json.RawMessage `json:"adapter"`
}

// with finds the adapter and runs use with it. What was found by name is freed
// after; a fine-tune keeps its place on the device.
func (s *session) with(ctx context.Context, op string, u using, emit *rpc.Emitter, use func(*engine.Engine, engine.Adapter) error) error {
	eng, leave, err := s.take(ctx, op, emit)
	if err != nil {
		return err
	}
	defer leave()
	var id int
	var name string
	switch {
	case len(u.Adapter) == 0 || json.Unmarshal(u.Adapter, &name) == nil:
		a, err := eng.Adapter(name)
		if err != nil {
			return err
		}
		defer eng.Free(a)
		return use(eng, a)
	case json.Unmarshal(u.Adapter, &id) != nil:
		return fault.Inputf(op, "got the adapter %.40s, want a fine-tune or a name", u.Adapter)
	}
	f, err := s.fit(op, id)
	if err != nil {
		return err
	}
	return use(eng, f.Adapter)
}

func (s *session) score(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		using
		Examples string `json:"examples"`
		engine.ScoreOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with(ctx, "score", p.using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
		out, err = eng.Score(ctx, a, p.Examples, p.ScoreOptions)
		return err
	})
	return out, nil, err
}

func (s *session) evaluate(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		using
		Examples string `json:"examples"`
		engine.EvalOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with(ctx, "evaluate", p.using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
		out, err = eng.Evaluate(ctx, a, p.Examples, p.EvalOptions)
		return err
	})
	return out, nil, err
}

// generate streams text events and answers with the whole text.
func (s *session) generate(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
	var p struct {
		using
		engine.GenerateOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	err = s.with(ctx, "generate", p.using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
		out, err = eng.Generate(ctx, a, p.GenerateOptions, func(piece string) { emit.Batch("text", piece) })
		return err
	})
	return out, nil, err
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
	var p struct {
		Examples    string `json:"examples"`
		Instruction string `json:"instruction"`
		Row         int    `json:"row"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	eng, err := s.engine("preview")
	if err != nil {
		return nil, nil, err
	}
	return eng.Preview(p.Examples, p.Instruction, p.Row), nil, nil
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
