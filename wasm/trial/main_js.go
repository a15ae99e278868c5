// Command trial is a program for the Worker in the engine's place: it runs in
// the browser what every device and every engine is tried with. It is built by the
// tests.
package main

import (
	"runtime"

	_ "handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/wasm/rpc"
)

func main() {
	rpc.Serve(map[string]rpc.Handler{"conformance": conformance, "campaign": campaign, "endure": endure}, map[string]string{"go": runtime.Version()})
	select {} // the Worker lives until the page ends it
}
