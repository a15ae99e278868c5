// Command gen writes plain.wasm and relaxed.wasm: the kernels of package simd.
// The two differ in madd alone.
package main

import (
	"fmt"
	"os"

	"handful/core/device/cpu/simd/gen/asm"
)

func main() {
	for name, relaxed := range map[string]bool{"plain.wasm": false, "relaxed.wasm": true} {
		if err := os.WriteFile(name, build(relaxed), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// kernels is a module under construction.
type kernels struct {
	asm.Module
	relaxed bool
}

// madd is a·b + c. The relaxed form is one instruction where the processor has
// it and is rounded once; the plain form is rounded twice.
func (k *kernels) madd(a, b, c asm.V128) asm.V128 {
	if k.relaxed {
		return a.RelaxedMadd(b, c)
	}
	return c.Add(a.Mul(b))
}

// build assembles the module.
func build(relaxed bool) []byte {
	k := &kernels{relaxed: relaxed}
	k.gemm()
	k.dequant()
	k.elementwise()
	k.activations()
	k.softmax()
	k.norms()
	k.rope()
	k.adamw()
	return k.Binary()
}
