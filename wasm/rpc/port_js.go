package rpc

import "syscall/js"

// Serve answers the page's messages in a Worker, first those that
// engine-worker.js kept in __handful.queue while the program started. It
// returns at once; greeting is what the ready event says.
func Serve(handlers map[string]Handler, greeting any) {
	self := js.Global()
	s := NewServer(poster(self), handlers)
	receive := js.FuncOf(func(_ js.Value, a []js.Value) any {
		s.Receive(parts(a[0].Get("data")))
		return nil
	})
	self.Set("onmessage", receive)
	(&Emitter{post: s.send}).Send(Ready, greeting)
	if boot := self.Get("__handful"); boot.Truthy() {
		queue := boot.Get("queue")
		for i := range queue.Length() {
			s.Receive(parts(queue.Index(i).Get("data")))
		}
		boot.Set("queue", js.Null())
	}
}

// poster sends messages to a Worker, or from one. Byte arrays move.
func poster(to js.Value) func(string, []Blob) {
	array := js.Global().Get("Uint8Array")
	return func(msg string, blobs []Blob) {
		list, move := make([]any, len(blobs)), []any{}
		for i, b := range blobs {
			list[i] = b
			if b.InstanceOf(array) {
				move = append(move, b.Get("buffer"))
			}
		}
		to.Call("postMessage", map[string]any{"msg": msg, "blobs": list}, move)
	}
}

// parts takes a message apart. Anything that is not one gives an empty text,
// which decodes to a fault.
func parts(data js.Value) (string, []Blob) {
	if data.Type() != js.TypeObject || data.Get("msg").Type() != js.TypeString {
		return "", nil
	}
	list := data.Get("blobs")
	if !js.Global().Get("Array").Call("isArray", list).Bool() {
		return data.Get("msg").String(), nil
	}
	blobs := make([]Blob, list.Length())
	for i := range blobs {
		blobs[i] = list.Index(i)
	}
	return data.Get("msg").String(), blobs
}
