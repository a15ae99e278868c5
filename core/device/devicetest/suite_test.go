package devicetest_test

import (
	"context"
	"encoding/binary"
	"math"
	"testing"

	"handful/core/device/cpu"
	"handful/core/device/devicetest"
	"handful/core/graph"
	"handful/core/tensor"
)

func TestGradientsAgainstDifferences(t *testing.T) {
	for name, k := range map[string]cpu.Kernels{"reference": cpu.Reference, "fast": cpu.Fast} {
		d := cpu.New(k)
		for _, c := range devicetest.GradChecks() {
			if err := c.Run(context.Background(), d); err != nil {
				t.Errorf("%s, %s: %v", name, c.Name, err)
			}
		}
		d.Close()
	}
}

// A check must see a derivative that is wrong: here the last query is missing
// from what the keys are told of their readers.
func TestGradCheckSeesAWrongDerivative(t *testing.T) {
	d := cpu.New(cpu.Reference)
	defer d.Close()
	for _, last := range []int32{3, 2} {
		c := devicetest.GradCheck{Name: "causal", Build: func(b *devicetest.Build) *graph.Node {
			span, back := b.Pairs([][2]int32{{0, 1}, {0, 2}, {0, 3}}), b.Pairs([][2]int32{{0, last}, {1, last}, {2, last}})
			a := graph.AttentionAttr{Heads: 1, KVHeads: 1, Dim: 4, Scale: 1}
			return graph.Attention(b.Param(3, 4), b.Param(3, 4), b.Param(3, 4), span, back, a)
		}}
		if err := c.Run(context.Background(), d); (err == nil) != (last == 3) {
			t.Errorf("keys read by queries before %d of 3: %v", last, err)
		}
	}
}

func TestToleranceCatchesWhatItShould(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		tol       devicetest.Tolerance
		got, want []float32
		ok        bool
	}{
		{devicetest.Tight, []float32{1, 2}, []float32{1, 2}, true},
		{devicetest.Tight, []float32{1, 2.001}, []float32{1, 2}, false},
		{devicetest.Tight, []float32{1}, []float32{1, 2}, false},
		{devicetest.Loose, []float32{nan}, []float32{1}, false},
		{devicetest.Loose, []float32{1}, []float32{nan}, false},
		{devicetest.Loose, []float32{inf, 0}, []float32{1, 0}, false},
		{devicetest.Loose, []float32{1e-6}, []float32{0}, true},
		{devicetest.Loose, []float32{1e-4}, []float32{0}, false},
		{devicetest.Tolerance{}, []float32{1e-30}, []float32{0}, false},
	} {
		if err := c.tol.Check(c.got, c.want); (err == nil) != c.ok {
			t.Errorf("%+v.Check(%v, %v) = %v, want ok %v", c.tol, c.got, c.want, err, c.ok)
		}
	}
}

func TestQuantiseIsNear(t *testing.T) {
	b := devicetest.NewBuild("quantise")
	v := b.Normal(4096, 1)
	v = append(v, make([]float32, 256)...) // a block of zeros
	for dt, step := range map[tensor.DType]float64{
		tensor.F32: 0, tensor.F16: 4e-3, tensor.BF16: 2e-2, tensor.Q8_0: 2e-2, tensor.Q4_0: 0.35, tensor.Q4_1: 0.25,
		tensor.Q5_0: 0.16, tensor.Q5_1: 0.12, tensor.IQ4_NL: 0.4, tensor.Q4_K: 0.3, tensor.Q5_K: 0.16, tensor.Q6_K: 0.08,
	} {
		got := make([]float32, len(v))
		data := devicetest.Quantise(dt, v)
		if len(data) != dt.Bytes(len(v)) {
			t.Fatalf("%v: %d bytes, want %d", dt, len(data), dt.Bytes(len(v)))
		}
		tensor.Decode(dt, got, data)
		for i := range v {
			if math.Abs(float64(got[i]-v[i])) > step {
				t.Errorf("%v: %g became %g", dt, v[i], got[i])
				break
			}
		}
	}
	one := devicetest.Quantise(tensor.Q8_0, append([]float32{127}, make([]float32, 31)...))
	if d := tensor.F16ToF32(binary.LittleEndian.Uint16(one)); d != 1 || int8(one[2]) != 127 {
		t.Errorf("Q8_0 of 127: scale %g, first %d; want 1 and 127", d, int8(one[2]))
	}
}
