//go:build js

package cpu

import (
	"syscall/js"
	"time"
)

// One thread: everything runs in place.

func workers() int { return 1 }

func parallel(n, _ int, f func(lo, hi int)) { f(0, n) }

func parallelWorkers(n int, f func(worker, job int)) {
	for i := 0; i < n; i++ {
		f(0, i)
	}
}

var (
	breathed time.Time
	inhaled  = make(chan struct{}, 1)
	inhale   = mouth() // undefined where no message can come in
)

// mouth makes what sends a message to oneself, in a page or a Worker.
func mouth() js.Value {
	if js.Global().Get("onmessage").IsUndefined() {
		return js.Undefined()
	}
	c := js.Global().Get("MessageChannel").New()
	c.Get("port1").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
		inhaled <- struct{}{}
		return nil
	}))
	send := c.Get("port2")
	return send.Get("postMessage").Call("bind", send, 0)
}

// breathe lets the event loop run now and then, so that a message (cancel,
// above all) can come in while a step computes. A message to oneself comes
// after those that wait already. A short sleep would not do: it is over before
// the scheduler leaves Go, and browsers stretch a timer to 4 ms.
func breathe() {
	if inhale.IsUndefined() || time.Since(breathed) < 50*time.Millisecond {
		return
	}
	inhale.Invoke()
	<-inhaled
	breathed = time.Now()
}
