package calls

import (
	"context"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/task"
	"handful/wasm/rpc"
)

// Use runs a function when the engine is free, with the adapter that was asked
// for.
type Use func(ctx context.Context, op string, u Using, emit *rpc.Emitter, use func(*engine.Engine, engine.Adapter) error) error

// Score, Evaluate, Generate and Alignment are the calls of these names.

func Score(with Use) rpc.Handler {
	return func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
		var p struct {
			Using
			Examples string `json:"examples"`
			engine.ScoreOptions
		}
		if err := r.Into(&p); err != nil {
			return nil, nil, err
		}
		err = with(ctx, "score", p.Using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
			out, err = eng.Score(ctx, a, p.Examples, p.ScoreOptions)
			return err
		})
		return out, nil, err
	}
}

func Evaluate(with Use) rpc.Handler {
	return func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
		var p struct {
			Using
			Examples string `json:"examples"`
			engine.EvalOptions
		}
		if err := r.Into(&p); err != nil {
			return nil, nil, err
		}
		err = with(ctx, "evaluate", p.Using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
			out, err = eng.Evaluate(ctx, a, p.Examples, p.EvalOptions)
			return err
		})
		return out, nil, err
	}
}

// Generate streams text events and answers with the whole text.
func Generate(with Use) rpc.Handler {
	return func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
		var p struct {
			Using
			engine.GenerateOptions
		}
		if err := r.Into(&p); err != nil {
			return nil, nil, err
		}
		err = with(ctx, "generate", p.Using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
			out, err = eng.Generate(ctx, a, p.GenerateOptions, func(piece string) { emit.Batch("text", piece) })
			return err
		})
		return out, nil, err
	}
}

// Alignment tells how many tasks are done as it goes, and calls between after
// each.
func Alignment(with Use, between func()) rpc.Handler {
	return func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (out any, _ []rpc.Blob, err error) {
		var p struct {
			Using
			Tasks []engine.AlignTask `json:"tasks"`
			engine.AlignOptions
		}
		if err := r.Into(&p); err != nil {
			return nil, nil, err
		}
		err = with(ctx, "alignment", p.Using, emit, func(eng *engine.Engine, a engine.Adapter) (err error) {
			out, err = eng.Align(ctx, a, p.Tasks, p.AlignOptions, func(done int) {
				emit.Latest("task", "", done)
				between()
			})
			return err
		})
		return out, nil, err
	}
}

// Similar is the call similar: the training tasks that are most like a
// fine-tune, by its routing or by the gradient of its examples.
func (f *Fits) Similar(ctx context.Context, eng *engine.Engine, r rpc.Request) (any, error) {
	p := struct {
		ID  int    `json:"id"`
		Top int    `json:"top"`
		By  string `json:"by"`
	}{Top: 5, By: "routing"}
	if err := r.Into(&p); err != nil {
		return nil, err
	}
	made, err := f.Get(r.Method, p.ID)
	if err != nil {
		return nil, err
	}
	switch p.By {
	case "routing":
		return eng.Similar(made.Fit, p.Top)
	case "gradients":
		return eng.Aligned(ctx, made.Fit, p.Top)
	}
	return nil, fault.Inputf(r.Method, "by: got %.20q, want routing or gradients", p.By)
}

// Preview answers what examples hold.
func Preview(eng *engine.Engine, r rpc.Request) (any, error) {
	var p struct {
		Examples    string `json:"examples"`
		Instruction string `json:"instruction"`
		Row         int    `json:"row"`
		task.Sides
	}
	if err := r.Into(&p); err != nil {
		return nil, err
	}
	text, err := p.Sides.Name("examples", p.Examples)
	if err != nil {
		return nil, err
	}
	return eng.Preview(text, p.Instruction, p.Row), nil
}

// Identity names the open weights; reading all of them may take seconds.
func Identity(eng *engine.Engine) (any, error) {
	base, inventory, err := eng.Identity()
	return map[string]any{"base": base, "inventory": inventory}, err
}
