package tensor

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// TestNonFinite holds the counting of words against decoding, on all halves,
// on odd lengths and wherever a bad value may stand.
func TestNonFinite(t *testing.T) {
	want := func(v []float32) (n int) {
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				n++
			}
		}
		return n
	}
	all := make([]byte, 2<<16)
	for i := range 1 << 16 {
		binary.LittleEndian.PutUint16(all[2*i:], uint16(i))
	}
	values := make([]float32, 1<<16)
	for _, dt := range []DType{F16, BF16} {
		Decode(dt, values, all)
		if got := NonFinite(dt, all); got != want(values) {
			t.Errorf("%v: got %d of all values, want %d", dt, got, want(values))
		}
	}
	odd := []float32{0, 1, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1))}
	bad := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xffffffff), math.Float32frombits(0x7f800001)}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		v := make([]float32, n)
		for i := range v {
			if v[i] = odd[r.IntN(len(odd))]; r.IntN(4) == 0 {
				v[i] = bad[r.IntN(len(bad))]
			}
		}
		if got := NonFinite(F32, F32Bytes(v)); got != want(v) {
			t.Errorf("%v: got %d, want %d", v, got, want(v))
		}
		for _, dt := range []DType{F16, BF16} {
			b, x := all[2*0x7b00:2*(0x7b00+n)], make([]float32, n)
			Decode(dt, x, b)
			if got := NonFinite(dt, b); got != want(x) {
				t.Errorf("%v of %d: got %d, want %d", dt, n, got, want(x))
			}
		}
	}
}

// TestNonFiniteBlocks: only scales and minima count, not the quants.
func TestNonFiniteBlocks(t *testing.T) {
	for dt, at := range map[DType][]int{Q8_0: {0}, Q4_0: {0}, Q4_1: {0, 2}, Q5_0: {0}, Q5_1: {0, 2}, IQ4_NL: {0}, Q4_K: {0, 2}, Q5_K: {0, 2}, Q6_K: {208}} {
		_, size := dt.Block()
		b := make([]byte, 5*size)
		for i := range b {
			b[i] = 0xff // quants of all ones
		}
		if got := NonFinite(dt, b); got != 5*len(at) {
			t.Errorf("%v: got %d, want %d", dt, got, 5*len(at))
		}
		for i := 0; i < len(b); i += size {
			for _, h := range at {
				binary.LittleEndian.PutUint16(b[i+h:], 0xfbff) // −65504
			}
		}
		if got := NonFinite(dt, b); got != 0 {
			t.Errorf("%v: got %d of finite scales", dt, got)
		}
		binary.LittleEndian.PutUint16(b[3*size+at[len(at)-1]:], 0x7e00)
		if got := NonFinite(dt, b); got != 1 {
			t.Errorf("%v: got %d, want 1", dt, got)
		}
	}
	if NonFinite(I32, []byte{255, 255, 255, 255}) != 0 {
		t.Error("an integer is finite")
	}
}

func BenchmarkNonFinite(b *testing.B) {
	data := make([]byte, 16<<20)
	for _, dt := range []DType{F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q6_K} {
		b.Run(dt.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for range b.N {
				NonFinite(dt, data)
			}
		})
	}
}
