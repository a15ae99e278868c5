package ui

import (
	"encoding/json"
	"errors"
	"syscall/js"

	"handful/wasm/rpc"
)

// KeepRun implements Page.
func (b *browser) KeepRun(about keptRun, state rpc.Blob) error {
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	if _, err := await(module("runs").Call("keep", about.ID, js.Global().Get("JSON").Call("parse", string(text)), state)); err != nil {
		return errors.New(said(err))
	}
	return nil
}

// LeaveRun implements Page.
func (b *browser) LeaveRun(id string) { module("runs").Call("leave", id) }

// Runs implements Page. Where nothing is kept there are none.
func (b *browser) Runs() (runs []keptRun) {
	v, err := await(module("runs").Call("broken"))
	if err != nil || decode(v, &runs) != nil {
		return nil
	}
	return runs
}

// TakeRun implements Page.
func (b *browser) TakeRun(id string) (rpc.Blob, error) {
	v, err := await(module("runs").Call("take", id))
	switch {
	case err != nil:
		return js.Null(), errors.New(said(err))
	case !v.Truthy():
		return js.Null(), errors.New("it is in use in another tab, or gone")
	}
	return v, nil
}

// DropRun implements Page.
func (b *browser) DropRun(id string) { _, _ = await(module("runs").Call("drop", id)) } // where it can't be removed it can't be found either
