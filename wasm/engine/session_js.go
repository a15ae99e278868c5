package main

import (
	"context"
	"sync"

	"handful/core/device"
	"handful/core/engine"
	"handful/core/fault"
	"handful/wasm/calls"
	"handful/wasm/rpc"
)

// session is what a Worker has open: one engine, and the fine-tunes made with
// it until the page frees them.
type session struct {
	turn chan struct{} // holds a value while a call uses the engine

	mu   sync.Mutex
	eng  *engine.Engine
	busy string // the call that no other long one may join
	emit *rpc.Emitter
	fits calls.Fits
	from []Gotten
	shed func() // lets go of the stored files of what is open
}

func newSession() *session {
	return &session{turn: make(chan struct{}, 1), shed: func() {}}
}

// alone claims the session for a long call, and refuses a second one.
func (s *session) alone(op string) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy != "" {
		return nil, fault.Inputf(op, "busy: %s is running", s.busy).Next("stop it or wait for its end")
	}
	s.busy = op
	return func() {
		s.mu.Lock()
		s.busy = ""
		s.mu.Unlock()
	}, nil
}

// take waits for the turn to use the engine. Weights are read at first use, so
// whoever has the turn gets their progress.
func (s *session) take(ctx context.Context, op string, emit *rpc.Emitter) (*engine.Engine, func(), error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fault.From(op, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.eng == nil {
		<-s.turn
		return nil, nil, fault.Inputf(op, "no model is open").Next("open one first")
	}
	s.emit = emit
	return s.eng, func() {
		s.mu.Lock()
		s.emit = nil
		s.mu.Unlock()
		<-s.turn
	}, nil
}

// progress goes to the call that has the turn.
func (s *session) progress(p engine.Progress) {
	s.mu.Lock()
	emit := s.emit
	s.mu.Unlock()
	if emit != nil {
		emit.Latest("progress", p.Status, Progress{Progress: p})
	}
}

// Opening says what to open.
type Opening struct {
	Base      []Source       `json:"base"`
	Inventory []Source       `json:"inventory"`
	Adapter   []Source       `json:"adapter"`
	Device    device.Options `json:"device"`
	Keep      *bool          `json:"keep"` // downloads, in the browser's storage; true where it is not given
}

// Opened describes what is open, and where its files were gotten.
type Opened struct {
	engine.Info
	Files []Gotten `json:"files"`
}

// open opens a model in place of what is open. That one, with its fine-tunes,
// is closed only when the new one stands, so that wrong files lose nothing: an
// open engine has read its files' heads and its inventory, and takes no room
// for weights before its first use.
func (s *session) open(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p Opening
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	if len(p.Base) == 0 {
		return nil, nil, fault.Inputf("base", "no files").Next("choose the folder of a model, or a .gguf")
	}
	release, err := s.alone("open")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	o := engine.OpenOptions{Device: p.Device, Progress: s.progress}
	g := &gathering{r: r, emit: emit, keep: p.Keep == nil || *p.Keep, on: p.Device, gotten: []Gotten{}}
	eng, err := s.opened(ctx, g, o, p)
	if err != nil {
		g.done()
		return nil, nil, err
	}
	s.mu.Lock()
	s.eng, s.from, s.shed = eng, g.gotten, g.done
	s.mu.Unlock()
	emit.Send("progress", Progress{Progress: engine.Progress{Status: "ready"}})
	return Opened{eng.Info(), g.gotten}, nil, nil
}

// opened gets the files and opens them, and closes what was open.
func (s *session) opened(ctx context.Context, g *gathering, o engine.OpenOptions, p Opening) (_ *engine.Engine, err error) {
	if o.Base, err = g.folder(ctx, "base", p.Base); err != nil {
		return nil, err
	}
	if o.Inventory, err = g.folder(ctx, "inventory", p.Inventory); err != nil {
		return nil, err
	}
	if o.Adapter, err = g.folder(ctx, "adapter", p.Adapter); err != nil {
		return nil, err
	}
	g.emit.Send("progress", Progress{Progress: engine.Progress{Status: "read"}})
	eng, err := engine.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.shut(ctx); err != nil {
		eng.Close()
		return nil, err
	}
	return eng, nil
}

// shut closes the engine, when there is one, after the calls that use it.
func (s *session) shut(ctx context.Context) error {
	eng, leave, err := s.take(ctx, "close", nil)
	if fault.Is(err, fault.Input) {
		return nil // nothing is open
	}
	if err != nil {
		return err
	}
	defer leave()
	s.mu.Lock()
	s.eng = nil
	s.fits.Clear()
	shed := s.shed
	s.shed = func() {}
	s.mu.Unlock()
	defer shed()
	return eng.Close()
}

func (s *session) close(ctx context.Context, _ rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	release, err := s.alone("close")
	if err != nil {
		return nil, nil, err
	}
	defer release()
	return nil, nil, s.shut(ctx)
}

func (s *session) info(context.Context, rpc.Request, *rpc.Emitter) (any, []rpc.Blob, error) {
	eng, err := s.engine("info")
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Opened{eng.Info(), s.from}, nil, nil
}

// engine is the open engine, for what needs no turn.
func (s *session) engine(op string) (*engine.Engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.eng == nil {
		return nil, fault.Inputf(op, "no model is open").Next("open one first")
	}
	return s.eng, nil
}
