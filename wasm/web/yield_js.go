package web

import "syscall/js"

var (
	channel js.Value // made at first use
	turn    = make(chan struct{}, 1)
)

// Yield lets the event loop deliver the messages that wait. A message to
// oneself comes after those; time.Sleep would not do: a short one is over
// before the scheduler leaves Go, and browsers stretch a timer to 4 ms. One
// goroutine at a time.
func Yield() {
	if channel.IsUndefined() {
		channel = js.Global().Get("MessageChannel").New()
		channel.Get("port1").Set("onmessage", js.FuncOf(func(js.Value, []js.Value) any {
			turn <- struct{}{}
			return nil
		}))
	}
	channel.Get("port2").Call("postMessage", 0)
	<-turn
}
