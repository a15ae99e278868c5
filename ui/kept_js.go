package ui

import (
	"sync"
	"syscall/js"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// browserStore is Store over kept.mjs, which page.mjs has put at
// __handfulKept: a function that opens it.
type browserStore struct {
	once  sync.Once
	store js.Value
	err   error
}

func (s *browserStore) open() error {
	s.once.Do(func() { s.store, s.err = await(js.Global().Call("__handfulKept")) })
	return s.err
}

// call runs a method that gives a promise, and waits for it.
func (s *browserStore) call(method string, args ...any) (v js.Value, err error) {
	if err := s.open(); err != nil {
		return v, fault.New(fault.Bug, "library", "%w", err).Next("reload the page")
	}
	v, err = await(s.store.Call(method, args...))
	if err == nil {
		return v, nil
	}
	e, ok := err.(js.Error)
	switch {
	case ok && text(e.Value, "kind") == fault.Quota.String() || text(e.Value, "name") == "QuotaExceededError":
		return v, fault.New(fault.Quota, "library", "this browser has no room left for the page").Next("delete adapters, or export this one")
	case ok && text(e.Value, "name") == "NotFoundError":
		return v, fault.New(fault.Corrupt, "library", "it is gone: another tab or the browser has taken it away").Next("reload the page")
	}
	return v, fault.New(fault.Corrupt, "library", "%w", err).Next("try again, or reload the page")
}

// Where implements Store.
func (s *browserStore) Where() string {
	if s.open() != nil {
		return ""
	}
	return text(s.store, "where")
}

// Notes implements Store.
func (s *browserStore) Notes() (out []string, err error) {
	list, err := s.call("list")
	if err != nil {
		return nil, err
	}
	for i := range list.Length() {
		if n := list.Index(i); n.Type() == js.TypeString {
			out = append(out, n.String())
		}
	}
	return out, nil
}

// Put implements Store. The first one asks the browser not to throw the page's
// data away when it is short of room.
func (s *browserStore) Put(id, note string, bytes rpc.Blob) error {
	_, err := s.call("put", id, note, bytes)
	return err
}

// Note implements Store.
func (s *browserStore) Note(id, note string) error {
	_, err := s.call("note", id, note)
	return err
}

// Get implements Store.
func (s *browserStore) Get(id string) (rpc.Blob, error) { return s.call("get", id) }

// Remove implements Store.
func (s *browserStore) Remove(id string) error {
	_, err := s.call("remove", id)
	return err
}
