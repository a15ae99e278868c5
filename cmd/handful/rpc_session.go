//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/share"
	"handful/wasm/rpc"
)

// rpcSession answers calls: the open engine, and what was made with it until
// it is freed. Calls have the names, options and answers of the page's engine
// (wasm/engine).
type rpcSession struct {
	eng  *engine.Engine
	turn chan struct{} // holds a value while a call uses the engine

	mu   sync.Mutex
	fits map[int]*rpcFit
	next int
	emit *rpc.Emitter // of the call that has the turn: weights are read at first use
}

// rpcFit is a fine-tune and the files of its saved steps.
type rpcFit struct {
	*engine.Fit
	saved []engine.File
}

// rpcFitted is a fine-tune's answer: the fit, and the id to use it by.
type rpcFitted struct {
	ID int `json:"id"`
	*engine.Fit
	Card *share.Card `json:"card,omitempty"` // of a restored one
}

type rpcID struct {
	ID int `json:"id"`
}

// rpcUsing picks an adapter: a fine-tune's id, or a name as in engine.Adapter.
type rpcUsing struct {
	Adapter json.RawMessage `json:"adapter"`
}

func (s *rpcSession) handlers() map[string]rpc.Handler {
	h := map[string]rpc.Handler{"info": s.info, "preview": s.preview, "adapt": s.adapt, "resume": s.resume, "restore": s.restore,
		"export": s.export, "pack": s.pack, "free": s.free, "identity": s.identity,
		"score": s.score, "evaluate": s.evaluate, "generate": s.generate, "alignment": s.alignment}
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
	base, inventory, err := s.eng.Identity()
	return map[string]any{"base": base, "inventory": inventory}, nil, err
}

func (s *rpcSession) preview(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		Examples    string `json:"examples"`
		Instruction string `json:"instruction"`
		Row         int    `json:"row"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	return s.eng.Preview(p.Examples, p.Instruction, p.Row), nil, nil
}

// adapt fine-tunes. A cancelled one answers with what it has learned.
func (s *rpcSession) adapt(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var o engine.AdaptOptions
	if err := r.Into(&o); err != nil {
		return nil, nil, err
	}
	if o.Method == "" {
		o.Method = "z"
	}
	aside := o.Holdout > 0 || o.Held != ""
	o = s.eng.Defaults(o.Method) // what was asked for goes over them
	o.Score = aside
	if err := r.Into(&o); err != nil {
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
	made := &rpcFit{}
	f, err := do(func(ev engine.Event) {
		switch {
		case ev.Resumed != nil:
			emit.Send("resumed", ev.Resumed)
		case ev.Start != nil:
			emit.Latest("start", "", ev.Start)
		case ev.Plan != nil:
			emit.Send("plan", ev.Plan)
		case ev.Step != nil:
			emit.Batch("step", ev.Step)
		case ev.Routing != nil:
			emit.Latest("routing", "", ev.Routing)
		case ev.Score != nil:
			emit.Send("score", ev.Score)
		case ev.Snapshot != nil:
			emit.Send("snapshot", ev.Snapshot, ev.Snapshot.Bytes)
		case ev.Save != nil:
			for _, x := range ev.Save.Files {
				made.saved = append(made.saved, engine.File{Name: fmt.Sprintf("step%d/%s", ev.Save.Step, x.Name), Bytes: x.Bytes})
			}
			emit.Send("save", ev.Save)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	made.Fit = f
	return rpcFitted{ID: s.add(made), Fit: f}, nil, nil
}

// add gives a fine-tune an id.
func (s *rpcSession) add(f *rpcFit) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.fits[s.next] = f
	return s.next
}

func (s *rpcSession) fit(op string, id int) (*rpcFit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fits[id]
	if f == nil {
		return nil, fault.Inputf(op, "no fine-tune %d", id).Next("it was freed, or the model was closed")
	}
	return f, nil
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
	f, err := s.eng.Restore(a)
	if err != nil {
		return nil, nil, err
	}
	a.Run, a.Config = nil, nil
	return rpcFitted{ID: s.add(&rpcFit{Fit: f}), Fit: f, Card: &a.Card}, nil, nil
}

// export gives a fine-tune's files: their names, and their bytes as blobs.
func (s *rpcSession) export(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		rpcID
		engine.ConvertOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fit(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	names, blobs := []string{}, []rpc.Blob{}
	put := func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		names, blobs = append(names, name), append(blobs, b.Bytes())
		return err
	}
	if p.To != "" {
		err = s.eng.ExportAs(ctx, f.Fit, p.ConvertOptions, put)
		return map[string]any{"names": names}, blobs, err
	}
	for _, x := range append(f.Export(), f.saved...) {
		names, blobs = append(names, x.Name), append(blobs, x.Bytes)
	}
	return map[string]any{"names": names}, blobs, nil
}

// pack gives a fine-tune as a .handful file.
func (s *rpcSession) pack(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		rpcID
		engine.ShareOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fit(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	a, err := f.Pack(p.ShareOptions)
	if err != nil {
		return nil, nil, err
	}
	b, err := share.Encode(a)
	return map[string]any{"bytes": len(b)}, []rpc.Blob{b}, err
}

// free drops a fine-tune.
func (s *rpcSession) free(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p rpcID
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fit(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	delete(s.fits, p.ID)
	s.mu.Unlock()
	s.eng.Free(f.Adapter)
	return nil, nil, nil
}
