package rpc

import (
	"context"
	"encoding/json"
	"sync"

	"handful/core/fault"
)

// Client calls a server. Its methods are safe for concurrent use.
type Client struct {
	post func(msg string, blobs []Blob)

	mu    sync.Mutex
	last  uint32
	calls map[uint32]*pending
	dead  *fault.Error // set once, when no call can be answered any more
	stop  func()
}

// pending is a call without its last event.
type pending struct {
	events []Event
	wake   chan struct{} // holds one value when there are events
}

// NewClient makes a client that sends by post. Messages that come back go to
// Receive.
func NewClient(post func(msg string, blobs []Blob)) *Client {
	return &Client{post: post, calls: map[uint32]*pending{}, stop: func() {}}
}

// Call calls a method and waits for its answer: the result as JSON and its
// blobs. on, which may be nil, gets the events before it, in order, on the
// caller's goroutine. When ctx ends the call is cancelled, and Call still waits
// for what the engine says to that: a fault, or what it has so far. Never call
// it inside a js.FuncOf: start a goroutine there.
func (c *Client) Call(ctx context.Context, method string, params any, blobs []Blob, on func(Event)) (json.RawMessage, []Blob, error) {
	b, err := json.Marshal(params)
	if err != nil {
		return nil, nil, fault.Inputf(method, "malformed options: %w", err)
	}
	id, p, err := c.begin()
	if err != nil {
		return nil, nil, err
	}
	if b, err = json.Marshal(Request{ID: id, Method: method, Params: b}); err != nil {
		return nil, nil, fault.From(method, err)
	}
	c.post(string(b), blobs)
	done := ctx.Done()
	for {
		select {
		case <-done:
			done = nil
			c.post(cancelOf(id), nil)
		case <-p.wake:
		}
		for _, e := range c.take(p) {
			switch e.Kind {
			case Done:
				return e.Data, e.Blobs, nil
			case Fault, Crash:
				return nil, nil, e.Err
			}
			if on != nil {
				on(e)
			}
		}
	}
}

func cancelOf(id uint32) string {
	p, _ := json.Marshal(map[string]uint32{"id": id})
	b, _ := json.Marshal(Request{Method: Cancel, Params: p})
	return string(b)
}

func (c *Client) begin() (uint32, *pending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return 0, nil, c.dead
	}
	c.last++
	p := &pending{wake: make(chan struct{}, 1)}
	c.calls[c.last] = p
	return c.last, p, nil
}

func (c *Client) take(p *pending) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := p.events
	p.events = nil
	return e
}

// Receive takes a message from the server. It never blocks. Events of calls
// that have ended are dropped.
func (c *Client) Receive(msg string, blobs []Blob) {
	e, err := DecodeEvent(msg)
	if err != nil {
		return
	}
	e.Blobs = blobs
	if e.Kind == Crash {
		c.die(e.Err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.give(e)
}

func (c *Client) give(e Event) {
	p := c.calls[e.ID]
	if p == nil {
		return
	}
	if e.Kind == Done || e.Kind == Fault || e.Kind == Crash {
		delete(c.calls, e.ID)
	}
	p.events = append(p.events, e)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// die ends every call, and those to come, with a fault.
func (c *Client) die(f *fault.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return
	}
	c.dead = f
	for id := range c.calls {
		c.give(Event{ID: id, Kind: Crash, Err: f})
	}
	c.stop()
}

// Dead gives the fault that ended the engine, or nil while it lives.
func (c *Client) Dead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == nil {
		return nil
	}
	return c.dead
}

// Close ends the engine. Calls that wait get a Cancelled fault.
func (c *Client) Close() {
	c.die(&fault.Error{Kind: fault.Cancelled, Op: "engine", Msg: "closed"})
}
