// Package rpc carries calls from a page to the engine in its Worker, and the
// engine's events back.
//
// A message is one JSON text and a list of blobs: files are shared, byte
// arrays are moved. A call has an id that the page chose, from 1; any number
// of events come back under that id, numbered by Seq from 1, and the last one
// is of kind "done" or "fault". Two kinds have no call and the id 0: "ready",
// once, when the engine listens, and "crash", when the engine is gone.
package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
)

// The kinds of event that end a call, and those without one.
const (
	Done  = "done"
	Fault = "fault"
	Ready = "ready"
	Crash = "crash"
)

// Cancel is the method that stops a call: params {"id": N}. It is not
// answered; the stopped call is.
const Cancel = "cancel"

const maxMethod = 64 // bytes of a method's name

// Request is one call.
type Request struct {
	ID     uint32          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"`
	Blobs  []Blob          `json:"-"`
}

// Event is one thing that a call gave.
type Event struct {
	ID    uint32          `json:"id"`
	Kind  string          `json:"kind"`
	Seq   uint32          `json:"seq"`
	Data  json.RawMessage `json:"data,omitempty"`
	Err   *fault.Error    `json:"err,omitempty"`
	Blobs []Blob          `json:"-"`
}

// DecodeRequest reads a request. With an error the request still holds the id
// where there was one, so that the fault can be sent to its call.
func DecodeRequest(msg string) (Request, error) {
	var r Request
	if err := json.Unmarshal([]byte(msg), &r); err != nil {
		return Request{ID: r.ID}, fault.Inputf("rpc", "malformed message: %w", err)
	}
	switch {
	case r.Method == "":
		return r, fault.Inputf("rpc", "got a message without a method, want {id, method, params}")
	case len(r.Method) > maxMethod || !utf8.ValidString(r.Method):
		return Request{ID: r.ID}, fault.Inputf("rpc", "got a method of %d bytes, want a name of at most %d", len(r.Method), maxMethod)
	case r.ID == 0 && r.Method != Cancel:
		return r, fault.Inputf("rpc", "%s: got no id, want a number from 1", r.Method)
	}
	return r, nil
}

// DecodeEvent reads an event.
func DecodeEvent(msg string) (Event, error) {
	var e Event
	if err := json.Unmarshal([]byte(msg), &e); err != nil {
		return Event{}, fault.New(fault.Bug, "rpc", "malformed event: %w", err)
	}
	if e.Kind == "" {
		return Event{}, fault.New(fault.Bug, "rpc", "got an event without a kind")
	}
	if e.Err == nil && (e.Kind == Fault || e.Kind == Crash) {
		e.Err = fault.New(fault.Bug, "rpc", "got a fault that says nothing")
	}
	return e, nil
}

// Into reads a request's params into v. Missing params leave v as it is; an
// unknown option or one of another type is a fault that names it.
func (r Request) Into(v any) error {
	if len(r.Params) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(r.Params))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return fault.Inputf(r.Method, "%s: got a %s, want %s", wrong.Field, wrong.Value, wrong.Type)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.Inputf(r.Method, "got the unknown option %s", name)
	}
	return fault.Inputf(r.Method, "malformed options: %w", err)
}
