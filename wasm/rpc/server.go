package rpc

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"strings"
	"sync"

	"handful/core/fault"
)

// Handler answers one call. It runs in its own goroutine; ctx ends when the
// call is cancelled, and a panic becomes a Bug fault of the call alone.
type Handler func(ctx context.Context, r Request, emit *Emitter) (result any, blobs []Blob, err error)

// Server answers requests. post sends a message to the page and must be safe
// for concurrent use.
type Server struct {
	post     func(msg string, blobs []Blob)
	handlers map[string]Handler

	mu      sync.Mutex
	running map[uint32]context.CancelFunc
}

// NewServer makes a server of these methods.
func NewServer(post func(msg string, blobs []Blob), handlers map[string]Handler) *Server {
	return &Server{post: post, handlers: handlers, running: map[uint32]context.CancelFunc{}}
}

// Receive takes a message from the page. It never blocks and never panics.
func (s *Server) Receive(msg string, blobs []Blob) {
	r, err := DecodeRequest(msg)
	if err != nil {
		s.refuse(r.ID, err)
		return
	}
	r.Blobs = blobs
	if r.Method == Cancel {
		s.cancel(r)
		return
	}
	h := s.handlers[r.Method]
	if h == nil {
		s.refuse(r.ID, fault.Inputf("rpc", "got the unknown method %q", r.Method))
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	_, twice := s.running[r.ID]
	if !twice {
		s.running[r.ID] = stop
	}
	s.mu.Unlock()
	if twice { // the id is the other call's: the fault has none
		stop()
		s.refuse(0, fault.Inputf("rpc", "%s: the id %d is that of a running call", r.Method, r.ID))
		return
	}
	go func() {
		emit := &Emitter{id: r.ID, post: s.send}
		result, out, err := call(ctx, h, r, emit)
		s.mu.Lock()
		delete(s.running, r.ID)
		s.mu.Unlock()
		stop()
		emit.end(result, out, err)
	}()
}

// call runs a handler under recover.
func call(ctx context.Context, h Handler, r Request, emit *Emitter) (result any, blobs []Blob, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(*fault.Error)
			if !ok {
				f = fault.New(fault.Bug, r.Method, "%v (%s)", p, where(debug.Stack())).
					Next("please report this")
			}
			result, blobs, err = nil, nil, f
		}
	}()
	result, blobs, err = h(ctx, r, emit)
	if err != nil {
		err = fault.From(r.Method, err)
	}
	return result, blobs, err
}

// where names the line that panicked: the first of the stack below panic's.
func where(stack []byte) string {
	_, rest, _ := strings.Cut(string(stack), "\npanic(")
	lines := strings.Split(rest, "\n")
	if len(lines) < 4 {
		return "place unknown"
	}
	at, _, _ := strings.Cut(strings.TrimSpace(lines[3]), " ")
	return at[strings.LastIndexByte(at, '/')+1:]
}

func (s *Server) cancel(r Request) {
	var p struct {
		ID uint32 `json:"id"`
	}
	if err := r.Into(&p); err != nil {
		s.refuse(r.ID, err)
		return
	}
	s.mu.Lock()
	stop := s.running[p.ID]
	s.mu.Unlock()
	if stop != nil { // else it has ended: the cancel came late
		stop()
	}
}

func (s *Server) refuse(id uint32, err error) {
	s.send(Event{ID: id, Kind: Fault, Seq: 1, Err: fault.From("rpc", err)})
}

func (s *Server) send(e Event) {
	b, err := json.Marshal(e)
	if err != nil { // cannot be: Data is JSON that Marshal wrote
		b, _ = json.Marshal(Event{ID: e.ID, Kind: Fault, Seq: e.Seq, Err: fault.From("rpc", err)})
	}
	s.post(string(b), e.Blobs)
}
