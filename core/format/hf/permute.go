package hf

import (
	"io"

	"handful/core/fault"
	"handful/core/tensor"
)

// permuted reads the rows of a matrix in another order. Rows move whole, so
// quantised blocks stay as they are.
//
// llama.cpp stores each head's rows of q and k for rotating neighbours
// (x0,x1),(x2,x3)…, HF for rotating halves (x0,x_{d/2})…: HF row i of a head's
// first half is GGUF row 2i, of its second half 2i+1.
type permuted struct {
	tensor.Source
	row  int64 // bytes
	head int64 // rows of a head
}

// halfSplit undoes llama.cpp's row order.
func halfSplit(s tensor.Source, heads int) (tensor.Source, error) {
	shape := s.Shape()
	if len(shape) != 2 || shape[0]%(2*heads) != 0 {
		return nil, fault.Inputf("gguf", "attention weight of shape %v for %d heads, want rows in pairs for each head", shape, heads)
	}
	return &permuted{s, int64(s.DType().Bytes(1, shape[1])), int64(shape[0] / heads)}, nil
}

// ReadAt reads a whole head at a time, since rows of one head mix with each
// other only.
func (p *permuted) ReadAt(b []byte, off int64) (n int, err error) {
	size := int64(p.DType().Bytes(p.Shape()...))
	if off < 0 || off > size {
		return 0, io.EOF
	}
	if int64(len(b)) > size-off {
		b, err = b[:size-off], io.EOF
	}
	stored := make([]byte, p.head*p.row)
	for n < len(b) {
		at := off + int64(n)
		first := at / int64(len(stored)) * int64(len(stored)) // where its head starts
		if k, err := p.Source.ReadAt(stored, first); k < len(stored) {
			return n, err
		}
		for ; n < len(b) && at < first+int64(len(stored)); at = off + int64(n) {
			row, in := (at-first)/p.row, (at-first)%p.row
			from := row%(p.head/2)*2 + row/(p.head/2)
			n += copy(b[n:], stored[from*p.row+in:(from+1)*p.row])
		}
	}
	return n, err
}
