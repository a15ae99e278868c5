package hf

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/skill"
	"handful/core/tensor"
)

const llama = "../../../testdata/golden/mhr/llama_gqa"

// TestMergedReads: any ranges of reading give the same bytes, and the sum is
// W + (A·B)ᵀ/r.
func TestMergedReads(t *testing.T) {
	c, err := Open(formattest.Folder(t, llama))
	if err != nil {
		t.Fatal(err)
	}
	const site = "model.layers.1.mlp.down_proj" // 64 → 32
	l := skill.NewSingle([]string{site}, map[string][2]int{site: {64, 32}}, 3, 1)
	for i := range l.B[site] {
		l.B[site][i] = float32(i%7) - 3
	}
	ts, err := c.Merged(tensor.F32, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(ts) != len(c.Names()) {
		t.Errorf("%d tensors, want %d", len(ts), len(c.Names()))
	}
	got, err := tensor.ReadF32(ts[site+".weight"])
	if err != nil {
		t.Fatal(err)
	}
	base, err := c.Tensor(site + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	want, err := tensor.ReadF32(base)
	if err != nil {
		t.Fatal(err)
	}
	for o := range 32 {
		for i := range 64 {
			sum := float64(want[o*64+i])
			for k := range 3 {
				sum += float64(l.A[site][i*3+k]) * float64(l.B[site][k*32+o]) / 3
			}
			if math.Abs(float64(got[o*64+i])-sum) > 1e-6 {
				t.Fatalf("row %d, column %d: %v, want %v", o, i, got[o*64+i], sum)
			}
		}
	}
	all, part := tensor.F32Bytes(got), make([]byte, 100)
	for _, off := range []int64{0, 3, 256, 255, 8000, 8192 - 100, 17} {
		if n, err := ts[site+".weight"].ReadAt(part, off); err != nil || n != 100 || !bytes.Equal(part, all[off:off+100]) {
			t.Errorf("at %d: %d, %v", off, n, err)
		}
	}
	if n, err := ts[site+".weight"].ReadAt(part, 8192-40); n != 40 || err != io.EOF {
		t.Errorf("past the end: %d, %v", n, err)
	}
	l.B[site][5] = 1e9
	if ts, err = c.Merged(tensor.F16, l, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tensor.ReadAll(ts[site+".weight"]); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "F16") {
		t.Errorf("beyond F16: got %v", err)
	}
	l.Dims[site] = [2]int{64, 16}
	if _, err := c.Merged(tensor.F32, l, nil); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "[32 64]") {
		t.Errorf("another size: got %v", err)
	}
}

// TestPickledBase: pytorch_model.bin opens like safetensors; the head that it
// names a second time is the embedding.
func TestPickledBase(t *testing.T) {
	f := formattest.Folder(t, llama)
	want, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := f.Find("config.json")
	bin, _ := formattest.Folder(t, "testdata").Find("pytorch_model.bin")
	c, err := Open(format.Folder{config, bin})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Config.Tied || !slices.Equal(c.Names(), want.Names()) {
		t.Errorf("tied %v, tensors %v", c.Config.Tied, c.Names())
	}
	for _, n := range c.Names() {
		a, err := c.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		b, err := want.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		x, err := tensor.ReadF32(a)
		y, err2 := tensor.ReadF32(b)
		if err != nil || err2 != nil || a.DType() != tensor.BF16 {
			t.Fatal(a.DType(), err, err2)
		}
		for i := range y {
			if bf := math.Float32frombits(uint32(tensor.F32ToBF16(y[i])) << 16); x[i] != bf {
				t.Fatalf("%s[%d]: %v, want %v", n, i, x[i], bf)
			}
		}
	}
}
