package format

import (
	"fmt"

	"handful/core/fault"
	"handful/core/tensor"
)

// Finite is a tensor that refuses to be read where it holds NaN or infinity.
// Weights are read once, on their way to a device, and are looked through then:
// a scan of its own would read a large file twice.
func Finite(op, name string, s tensor.Source) tensor.Source { return &finite{s, op, name} }

type finite struct {
	tensor.Source
	op, name string
}

// ReadAt looks through the whole blocks of what it reads; devices read whole
// rows.
func (f *finite) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Source.ReadAt(p, off)
	if f.bad(p[:n], off) > 0 {
		return 0, f.fault()
	}
	return n, err
}

// bad counts in the whole blocks of bytes from off.
func (f *finite) bad(p []byte, off int64) int {
	_, block := f.DType().Block()
	first := (block - int(off%int64(block))) % block
	if len(p) < first+block {
		return 0
	}
	p = p[first:]
	return tensor.NonFinite(f.DType(), p[:len(p)/block*block])
}

// fault counts in the whole tensor.
func (f *finite) fault() error {
	_, block := f.DType().Block()
	size := int64(f.DType().Bytes(f.Shape()...))
	p, n := make([]byte, min(size, int64(block)<<15)), 0
	for off := int64(0); off < size; off += int64(len(p)) {
		k, err := f.Source.ReadAt(p[:min(size-off, int64(len(p)))], off)
		if n += f.bad(p[:k], off); k == 0 && err != nil {
			return err
		}
	}
	return NotFinite(f.op, f.name, f.DType(), n, tensor.Numel(f.Shape()))
}

// NotFinite is the fault for a tensor with n values that are NaN or infinite.
func NotFinite(op, name string, dt tensor.DType, n, of int) error {
	what := fmt.Sprintf("%d of %d values", n, of)
	if elems, _ := dt.Block(); dt.Quantised() {
		what = fmt.Sprintf("%d block scales of %d blocks", n, of/elems)
	}
	return fault.Inputf(op, "%.160s: %s are NaN or infinite, want finite numbers", name, what).Next("the file is damaged or its training failed; get another one")
}
