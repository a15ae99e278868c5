package simd

import (
	"fmt"
	"math"
	"testing"

	"handful/core/tensor"
)

type product func(c, a, b []float32, rows, cols, depth, ldc, lda, ldb int, alpha float32, acc bool)

var products = []struct {
	name   string
	of     func(m *Module) product
	ta, tb bool
}{
	{"NN", func(m *Module) product { return m.GemmNN }, false, false},
	{"NT", func(m *Module) product { return m.GemmNT }, false, true},
	{"TN", func(m *Module) product { return m.GemmTN }, true, false},
}

// padded makes a rows x cols matrix of random numbers, ld apart, with NaN
// between rows and behind the last: what a kernel must not let in.
func padded(fill func(n int) []float32, rows, cols, ld int) []float32 {
	v := make([]float32, max(0, rows-1)*ld+cols+3)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	for r := range rows {
		copy(v[r*ld:r*ld+cols], fill(cols))
	}
	return v
}

// TestGemm holds the products against float64 sums for many sizes, among them
// empty ones and the edges of tiles, row blocks and depth blocks.
func TestGemm(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		sizes := [][3]int{{0, 5, 5}, {5, 0, 5}, {5, 5, 0}, {0, 0, 0}, {1, 1, 1}, {6, 8, 4}, {4, 8, 256}, {121, 9, 257},
			{3, 17, 300}, {1, 64, 513}, {130, 16, 5}, {240, 8, 9}, {7, 40, 600}}
		for range 150 {
			sizes = append(sizes, [3]int{r.IntN(40), r.IntN(40), r.IntN(70)})
		}
		for _, p := range products {
			for _, s := range sizes {
				rows, cols, depth := s[0], s[1], s[2]
				arows, acols, brows, bcols := rows, depth, depth, cols
				if p.ta {
					arows, acols = acols, arows
				}
				if p.tb {
					brows, bcols = bcols, brows
				}
				ldc, lda, ldb := cols+r.IntN(3), acols+r.IntN(3), bcols+r.IntN(3)
				fill := func(n int) []float32 { return uniform(r, n) }
				a, b, c := padded(fill, arows, acols, lda), padded(fill, brows, bcols, ldb), padded(fill, rows, cols, ldc)
				acc, alpha := r.IntN(2) == 1, []float32{1, 0.75}[r.IntN(2)]
				was := append([]float32(nil), c...)
				p.of(m)(c, a, b, rows, cols, depth, ldc, lda, ldb, alpha, acc)

				at := func(v []float32, i, k, ld int, transposed bool) float64 {
					if transposed {
						i, k = k, i
					}
					return float64(v[i*ld+k])
				}
				name := fmt.Sprintf("%s %v ld %d %d %d acc %v", p.name, s, ldc, lda, ldb, acc)
				for i := range c {
					row, col := i/max(ldc, 1), i%max(ldc, 1)
					if row >= rows || col >= cols {
						if math.Float32bits(c[i]) != math.Float32bits(was[i]) {
							t.Fatalf("%s: element %d, which is not C's, was written", name, i)
						}
						continue
					}
					want, size := 0.0, 0.0
					for k := range depth {
						x := at(a, row, k, lda, p.ta) * at(b, k, col, ldb, p.tb)
						want += x
						size += math.Abs(x)
					}
					want *= float64(alpha)
					if acc {
						want += float64(was[i])
					}
					if d := math.Abs(float64(c[i]) - want); !(d <= 1e-6*(1+size)) {
						t.Fatalf("%s: C[%d,%d] is %g, want %g", name, row, col, c[i], want)
					}
				}
			}
		}
	})
}

// TestDecodeHalves goes through all 65536 halves, NaNs included.
func TestDecodeHalves(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		const n = 1<<16 + 3 // with a tail
		src := make([]byte, 2*n)
		for i := range n {
			src[2*i], src[2*i+1] = byte(i), byte(i>>8)
		}
		got, want := make([]float32, n), make([]float32, n)
		for _, dt := range []tensor.DType{tensor.F16, tensor.BF16} {
			m.Decode(dt, got, src)
			tensor.Decode(dt, want, src)
			same(t, dt, got, want)
		}
	})
}

// TestDecodeBlocks: random bytes under every finite scale.
func TestDecodeBlocks(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		r := source()
		for dt := tensor.Q8_0; dt <= tensor.Q6_K; dt++ {
			elems, size := dt.Block()
			blocks, at := 1<<16, 0
			if elems == 256 {
				blocks = 1 << 13 // every eighth scale
			}
			if dt == tensor.Q6_K {
				at = 208
			}
			src := make([]byte, blocks*size)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			for i := range blocks {
				d := uint16(i * elems / 32)
				if d&0x7c00 == 0x7c00 {
					d &^= 0x4000 // finite
				}
				b := src[i*size:]
				b[at], b[at+1] = byte(d), byte(d>>8)
				b[3] &^= 0x40 // m, too
			}
			got, want := make([]float32, elems*blocks), make([]float32, elems*blocks)
			m.Decode(dt, got, src)
			tensor.Decode(dt, want, src)
			same(t, dt, got, want)
			m.Decode(dt, got[:0], nil)
		}
	})
}

func same(t *testing.T, dt tensor.DType, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			t.Fatalf("%v: element %d is %x, want %x", dt, i, math.Float32bits(got[i]), math.Float32bits(w))
		}
	}
}

// TestNoAllocation: a call leaves no garbage, so a step of thousands of them
// does not wake the collector.
func TestNoAllocation(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		a, b, c := make([]float32, 64), make([]float32, 64), make([]float32, 64)
		n := testing.AllocsPerRun(50, func() { m.GemmNN(c, a, b, 8, 8, 8, 8, 8, 8, 1, false) })
		if n != 0 {
			t.Errorf("%v allocations a product, want none", n)
		}
	})
}
