// Command engine is the program in the Worker: it answers the page's calls
// with the library's one façade, core/engine.
package main

import (
	"handful/wasm/rpc"
)

func main() {
	rpc.Serve(handlers(), version())
	select {} // the Worker lives until the page ends it
}
