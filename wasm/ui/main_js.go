// Command ui is the program of the page.
package main

import (
	"handful/ui"
	"handful/wasm/rpc"
)

func main() {
	err := ui.Run("#app", func() (*rpc.Client, error) { return rpc.Dial("./engine-worker.js") })
	panic(err) // page.mjs shows it
}
