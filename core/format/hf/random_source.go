package hf

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"strings"

	"handful/core/tensor"
)

// spread is the deviation of a tensor's first values, 0 for a norm's ones:
// transformers' _init_weights, plain for a Llama. A T5's own head is drawn as its
// linears are, so that logits are of a size to begin with, and Qwen2's biases as
// its weights, which transformers begins with zeros.
func (c Config) spread(s Shape, plain float64) float64 {
	if len(s.Shape) == 1 && !strings.HasSuffix(s.Name, ".bias") {
		return 0
	}
	if !c.Encodes() {
		return plain
	}
	root := func(n int) float64 { return 1 / math.Sqrt(float64(n)) }
	switch part := strings.TrimSuffix(s.Name, ".weight"); part[strings.LastIndexByte(part, '.')+1:] {
	case "shared":
		return 1
	case "q": // attention does not scale what it makes
		return root(c.Hidden * c.HeadDim)
	case "relative_attention_bias":
		return root(c.Hidden)
	}
	return root(s.Shape[1]) // of what the linear reads
}

// randomBlock is how many values are drawn from one generator, so that any of
// them can be made without those before.
const randomBlock = 1 << 13

// randomSource is a tensor of normal values that are made as they are read. It
// keeps the block that was read last, so it is for one reader.
type randomSource struct {
	dt     tensor.DType
	shape  []int
	spread float64 // 0: ones
	seed   uint64
	block  int64  // which data is; −1: none
	data   []byte // of a block
}

func newRandomSource(name string, shape []int, dt tensor.DType, spread float64, seed uint64) *randomSource {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &randomSource{dt: dt, shape: shape, spread: spread, seed: seed ^ h.Sum64(), block: -1}
}

func (s *randomSource) DType() tensor.DType { return s.dt }
func (s *randomSource) Shape() []int        { return s.shape }
func (s *randomSource) ID() string          { return "" }

func (s *randomSource) ReadAt(p []byte, off int64) (n int, err error) {
	size, all := int64(s.dt.Bytes(randomBlock)), int64(s.dt.Bytes(s.shape...))
	for n < len(p) {
		at := off + int64(n)
		if at >= all {
			return n, io.EOF
		}
		if b := at / size; b != s.block {
			s.make(b)
		}
		end := min(size, all-s.block*size)
		n += copy(p[n:], s.data[at-s.block*size:end])
	}
	return n, nil
}

// make draws a block.
func (s *randomSource) make(block int64) {
	r := rand.New(rand.NewPCG(s.seed, uint64(block)))
	s.block, s.data = block, s.data[:0]
	for range randomBlock {
		x := float32(1)
		if s.spread > 0 {
			x = float32(r.NormFloat64() * s.spread)
		}
		switch s.dt {
		case tensor.F16:
			s.data = binary.LittleEndian.AppendUint16(s.data, tensor.F32ToF16(x))
		case tensor.BF16:
			s.data = binary.LittleEndian.AppendUint16(s.data, bf16(x))
		default:
			s.data = binary.LittleEndian.AppendUint32(s.data, math.Float32bits(x))
		}
	}
}

// bf16 rounds to the nearest, ties to even.
func bf16(x float32) uint16 {
	b := math.Float32bits(x)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
