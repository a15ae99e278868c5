package cpu

import "syscall/js"

// addressable is wasm's memory, but for what the program, file windows and holes
// in the heap take.
const addressable = 4<<30 - 384<<20

// total is what a page's Worker may have: wasm's memory, or three quarters of the
// machine's where the browser tells that it has less.
func total() int64 {
	most := int64(addressable)
	if nav := js.Global().Get("navigator"); nav.Truthy() { // older Nodes have none
		if gib := nav.Get("deviceMemory"); gib.Type() == js.TypeNumber {
			most = min(most, int64(gib.Float()*.75*(1<<30)))
		}
	}
	return most
}
