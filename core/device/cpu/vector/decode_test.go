//go:build amd64 || arm64

package vector

import (
	"math"
	"math/rand/v2"
	"testing"

	"handful/core/tensor"
)

// TestDecode holds every stored type of random bytes against tensor.Decode.
func TestDecode(t *testing.T) {
	if !Have() {
		t.Skip("SKIPPED: no AVX2 here")
	}
	r := rand.New(rand.NewPCG(7, 8))
	for _, dt := range []tensor.DType{tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q6_K} {
		elems, size := dt.Block()
		for _, blocks := range []int{0, 1, 2, 7, 24} {
			src := make([]byte, blocks*size)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			got, want := make([]float32, blocks*elems), make([]float32, blocks*elems)
			Decode(dt, got, src)
			tensor.Decode(dt, want, src)
			for i := range want {
				if g, w := got[i], want[i]; math.Float32bits(g) != math.Float32bits(w) && !(g != g && w != w) {
					t.Fatalf("%v, %d blocks: [%d] = %v, want %v", dt, blocks, i, g, w)
				}
			}
		}
	}
}
