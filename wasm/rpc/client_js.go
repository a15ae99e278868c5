package rpc

import (
	"syscall/js"

	"handful/core/fault"
)

// Dial starts the engine's Worker from the address of engine-worker.js. Calls
// may be made at once: the Worker keeps them until the engine listens. Where
// the Worker cannot start, they end with a fault.
func Dial(worker string) (c *Client, err error) {
	defer fault.Recover("engine", &err)
	w := js.Global().Get("Worker").New(worker, map[string]any{"type": "module", "name": "handful"})
	c = NewClient(poster(w))
	message := js.FuncOf(func(_ js.Value, a []js.Value) any {
		c.Receive(parts(a[0].Get("data")))
		return nil
	})
	failed := js.FuncOf(func(_ js.Value, a []js.Value) any {
		text := "the Worker did not start"
		if m := a[0].Get("message"); m.Type() == js.TypeString {
			text = m.String()
		}
		go c.die(fault.New(fault.Bug, "engine", "%s", text).Next("reload the page"))
		return nil
	})
	w.Set("onmessage", message)
	w.Set("onerror", failed)
	c.stop = func() {
		w.Set("onmessage", js.Null())
		w.Set("onerror", js.Null())
		w.Call("terminate")
		message.Release()
		failed.Release()
	}
	return c, nil
}
