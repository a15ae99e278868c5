package main

import (
	"context"
	"fmt"

	"handful/core/engine"
	"handful/core/fault"
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
	release, err := s.alone("adapt")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	eng, leave, err := s.take(ctx, "adapt", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	o, err := adaptOptions(eng, r)
	if err != nil {
		return nil, nil, err
	}
	made := &fit{}
	made.Fit, err = eng.Adapt(ctx, o, func(ev engine.Event) {
		switch {
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
