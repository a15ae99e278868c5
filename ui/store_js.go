package ui

import (
	"encoding/json"
	"errors"
	"syscall/js"
)

// module is one that page.mjs hands over: diagnosis
// (diagnosis.mjs), offline (offline.mjs), store (store.mjs), models (models.mjs),
// runs (runs.mjs).
func module(name string) js.Value { return js.Global().Get("handfulPage").Get(name) }

// Stored implements Page.
func (b *browser) Stored() (s storage) {
	room, err := await(module("store").Call("room"))
	if err == nil {
		err = decode(room, &s)
	}
	if err == nil {
		var files js.Value
		if files, err = await(module("models").Call("stored")); err == nil {
			err = decode(files, &s.Files)
		}
	}
	if err != nil {
		s.Why = said(err)
	}
	return s
}

// Drop implements Page.
func (b *browser) Drop(sha256 string) error {
	if _, err := await(module("models").Call("drop", sha256)); err != nil {
		return errors.New(said(err))
	}
	return nil
}

// Persist implements Page.
func (b *browser) Persist() { _, _ = await(module("store").Call("persist")) }

// decode reads a value of the browser's as JSON.
func decode(v js.Value, into any) error {
	return json.Unmarshal([]byte(js.Global().Get("JSON").Call("stringify", v).String()), into)
}

// said is an error's message.
func said(err error) string {
	if e, ok := err.(js.Error); ok {
		return e.Get("message").String()
	}
	return err.Error()
}
