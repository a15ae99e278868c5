package main

import (
	"context"
	"fmt"
	"syscall/js"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// Adapted is a fine-tune's answer: the fit, and the id to use it by.
type Adapted struct {
	ID int `json:"id"`
	*engine.Fit
}

// adapt fine-tunes. A cancelled one answers with what it has learned.
func (s *session) adapt(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	return s.fitted(ctx, "adapt", emit, func(eng *engine.Engine, on func(engine.Event)) (*engine.Fit, error) {
		o, err := adaptOptions(eng, r)
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
	made := &fit{}
	made.Fit, err = do(eng, func(ev engine.Event) {
		switch {
		case ev.Resumed != nil:
			emit.Send("resumed", ev.Resumed)
		case ev.Start != nil:
			emit.Latest("start", "", ev.Start)
			web.Yield() // a stop is heard between rows
		case ev.Plan != nil:
			emit.Send("plan", ev.Plan)
		case ev.Step != nil:
			emit.Batch("step", ev.Step)
			web.Yield() // a stop is heard between steps, whatever the device does
		case ev.Routing != nil:
			emit.Latest("routing", "", ev.Routing)
		case ev.Score != nil:
			emit.Send("score", ev.Score)
		case ev.Snapshot != nil:
			emit.Send("snapshot", ev.Snapshot, array(ev.Snapshot.Bytes))
		case ev.Save != nil:
			for _, f := range ev.Save.Files {
				made.saved = append(made.saved, engine.File{Name: fmt.Sprintf("step%d/%s", ev.Save.Step, f.Name), Bytes: f.Bytes})
			}
			emit.Send("save", ev.Save)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	s.next++
	id := s.next
	s.fits[id] = made
	s.mu.Unlock()
	return Adapted{id, made.Fit}, nil, nil
}

// array copies bytes into one of the browser's.
func array(p []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(p))
	js.CopyBytesToJS(a, p)
	return a
}

// adaptOptions puts what was asked for over the method's defaults and what the
// inventory recommends. Rows that are kept aside are scored unless the page
// says otherwise.
func adaptOptions(eng *engine.Engine, r rpc.Request) (engine.AdaptOptions, error) {
	o := engine.AdaptOptions{}
	if err := r.Into(&o); err != nil {
		return o, err
	}
	if o.Method == "" {
		o.Method = "z"
	}
	aside := o.Holdout > 0 || o.Held != ""
	o = eng.Defaults(o.Method)
	o.Score = aside
	return o, r.Into(&o)
}

// fitParams name a fine-tune.
type fitParams struct {
	ID int `json:"id"`
}

func (s *session) fit(r rpc.Request) (int, *fit, error) {
	var p fitParams
	if err := r.Into(&p); err != nil {
		return 0, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fits[p.ID]
	if f == nil {
		return 0, nil, fault.Inputf(r.Method, "no fine-tune %d", p.ID).Next("it was freed, or the model was closed")
	}
	return p.ID, f, nil
}

// export gives a fine-tune's files: their names, and their bytes as blobs.
func (s *session) export(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	_, f, err := s.fit(r)
	if err != nil {
		return nil, nil, err
	}
	names, blobs := []string{}, []rpc.Blob{}
	for _, x := range append(f.Export(), f.saved...) {
		names, blobs = append(names, x.Name), append(blobs, array(x.Bytes))
	}
	return map[string]any{"names": names}, blobs, nil
}

// free drops a fine-tune.
func (s *session) free(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	id, f, err := s.fit(r)
	if err != nil {
		return nil, nil, err
	}
	eng, leave, err := s.take(ctx, "free", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	eng.Free(f.Adapter)
	s.mu.Lock()
	delete(s.fits, id)
	s.mu.Unlock()
	return nil, nil, nil
}
