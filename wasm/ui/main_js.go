// Command ui is the program of the page.
package main

import (
	"syscall/js"

	"handful/ui"
	"handful/wasm/rpc"
)

func main() {
	build := js.Global().Get("handfulPage").Get("build").String()
	err := ui.Run("#app", func() (*rpc.Client, error) { return rpc.Dial("./engine-worker.js?build=" + build) })
	panic(err) // page.mjs shows it
}
