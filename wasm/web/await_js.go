// Package web is what Go wants of a browser: promises that block a goroutine,
// files that read like files, and downloads.
package web

import "syscall/js"

// Await waits for a promise. Never call it inside a js.FuncOf: the event loop
// that settles the promise would wait for the callback.
func Await(promise js.Value) (js.Value, error) {
	type outcome struct {
		v   js.Value
		err error
	}
	settled := make(chan outcome, 1)
	take := func(a []js.Value) js.Value {
		if len(a) == 0 {
			return js.Undefined()
		}
		return a[0]
	}
	ok := js.FuncOf(func(_ js.Value, a []js.Value) any {
		settled <- outcome{v: take(a)}
		return nil
	})
	bad := js.FuncOf(func(_ js.Value, a []js.Value) any {
		settled <- outcome{err: reason(take(a))}
		return nil
	})
	defer ok.Release()
	defer bad.Release()
	promise.Call("then", ok, bad)
	r := <-settled
	return r.v, r.err
}

// reason makes an error of what a promise was rejected with: anything at all.
func reason(v js.Value) error {
	if v.Type() != js.TypeObject {
		v = js.Global().Get("Error").New(js.Global().Get("String").Invoke(v))
	}
	return js.Error{Value: v}
}
