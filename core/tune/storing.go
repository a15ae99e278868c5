package tune

import (
	"handful/core/fault"
	"handful/core/graph"
)

// stores are tried in turn.
var stores = []graph.Store{graph.StoreProducts, graph.StoreBlocks}

// storing compiles a program of gradients that keeps as much of the way forward
// as the device's budget of memory has room for, and computes the rest twice.
func storing(compile func(graph.Store) error) (err error) {
	for _, s := range stores {
		if err = compile(s); !fault.Is(err, fault.Memory) {
			break
		}
	}
	return err
}
