// Package fault is the one error type that people see.
//
// A fault says what was being done, what was got and wanted, and what to do
// next: "op: what, got, want; next step". Its Kind survives the border between
// a Worker and the page, so a front end can tell a wrong file from an
// unsupported one and from a bug.
package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Kind tells whose turn it is to act. The values are part of the wire format:
// append, never reorder.
type Kind uint8

const (
	Bug         Kind = iota // our mistake
	Input                   // the input is wrong
	Unsupported             // the input is right and we do not support it
	NoGPU                   // a GPU was asked for and none can be had
	DeviceLost              // the GPU went away; the work can be resumed
	Memory                  // more memory is needed than there is
	Quota                   // storage is full
	Network                 // a download failed
	Corrupt                 // stored data is damaged
	Cancelled               // the user stopped it
)

var kinds = [...]string{"bug", "input", "unsupported", "no-gpu", "device-lost", "memory", "quota", "network", "corrupt", "cancelled"}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "bug"
}

// MarshalText writes the kind by name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind by name; an unknown name is a Bug.
func (k *Kind) UnmarshalText(b []byte) error {
	*k = Bug
	for i, s := range kinds {
		if s == string(b) {
			*k = Kind(i)
		}
	}
	return nil
}

// Error is a fault. Msg is one line, "what, got, want"; Hint is the next step.
type Error struct {
	Kind Kind   `json:"kind"`
	Op   string `json:"op"`
	Msg  string `json:"msg"`
	Hint string `json:"hint,omitempty"`
	Err  error  `json:"-"`
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Msg
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault. The last argument may be an error, which is then its
// cause when the format holds %w.
func New(k Kind, op, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Op: op, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// Inputf says that the input is wrong.
func Inputf(op, format string, args ...any) *Error { return New(Input, op, format, args...) }

// Unsupportedf says that the input may be right and is not supported.
func Unsupportedf(op, format string, args ...any) *Error {
	return New(Unsupported, op, format, args...)
}

// Next sets the next step and returns the fault.
func (e *Error) Next(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Or gives a fault that has no next step this one; other errors, nil too, stay
// as they are. It stands where a package's faults leave it.
func Or(err error, next string) error {
	var f *Error
	if !errors.As(err, &f) || f.Hint != "" {
		return err
	}
	g := *f
	g.Hint = next
	return &g
}

// From makes a fault of any error: faults stay as they are, a cancelled or
// expired context is Cancelled, everything else a Bug of op.
func From(op string, err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: Cancelled, Op: op, Msg: "stopped", Err: err}
	}
	return &Error{Kind: Bug, Op: op, Msg: err.Error(), Err: err}
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool {
	var f *Error
	return errors.As(err, &f) && f.Kind == k
}

// Recover turns a panic into a Bug fault: `defer fault.Recover("graph", &err)`.
// It is the one door through which graph-building panics leave.
func Recover(op string, err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	case error:
		*err = &Error{Kind: Bug, Op: op, Msg: r.Error(), Err: r}
	default:
		*err = &Error{Kind: Bug, Op: op, Msg: fmt.Sprint(r)}
	}
}

// Decode reads a fault written by json.Marshal(*Error).
func Decode(b []byte) *Error {
	var e Error
	if json.Unmarshal(b, &e) != nil || e.Op == "" {
		return &Error{Kind: Bug, Op: "fault", Msg: string(b)}
	}
	return &e
}
