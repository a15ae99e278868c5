package main

import (
	"context"
	"fmt"

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
		case ev.Lost != nil:
			emit.Send("lost", ev.Lost)
		case ev.Snapshot != nil:
			emit.Send("snapshot", ev.Snapshot, web.Array(ev.Snapshot.Bytes))
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
	return Adapted{s.add(made), made.Fit}, nil, nil
}

// add gives a fine-tune an id.
func (s *session) add(f *fit) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.fits[s.next] = f
	return s.next
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

// fit finds a fine-tune.
func (s *session) fit(op string, id int) (*fit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fits[id]
	if f == nil {
		return nil, fault.Inputf(op, "no fine-tune %d", id).Next("it was freed, or the model was closed")
	}
	return f, nil
}

// free drops a fine-tune.
func (s *session) free(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		ID int `json:"id"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fit(r.Method, p.ID)
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
	delete(s.fits, p.ID)
	s.mu.Unlock()
	return nil, nil, nil
}
