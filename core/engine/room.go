package engine

import (
	"runtime"

	"handful/core/device"
	"handful/core/fault"
)

// addressable is what a program in the browser can hold of weights beside all
// else; WebAssembly counts addresses in 32 bits. 0: no limit is known.
func addressable(o device.Options) int64 {
	if runtime.GOARCH == "wasm" && o.Kind == "cpu" {
		return 3 << 30
	}
	return 0
}

// Room refuses weights of so many bytes that can't be held, before they are
// downloaded: o.Memory is the budget, else what the platform allows.
func Room(weights int64, o device.Options) error {
	limit := o.Memory
	if limit == 0 {
		limit = addressable(o)
	}
	if limit == 0 || weights <= limit {
		return nil
	}
	return fault.Unsupportedf("base", "its weights take %d MB, there is room for %d MB", (weights+1<<20-1)>>20, limit>>20).
		Next("take a smaller base, or one with fewer bits a weight")
}
