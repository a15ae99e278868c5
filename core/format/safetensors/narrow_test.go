package safetensors

import (
	"testing"

	"handful/core/format"
)

func TestNarrow(t *testing.T) {
	wide := func(v ...float32) []byte {
		b, err := Encode([]Tensor{{"a", []int{len(v)}, v}, {"b", []int{1, 1}, []float32{-2}}}, map[string]string{"k": "v"})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b, err := Narrow(wide(1, 1.0005, 65504, -1e-9))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(format.BytesBlob(b))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.F32("a")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{1, 1.0009765625, 65504, 0} { // 1.0005 lies above the middle of two halves
		if got[i] != want {
			t.Errorf("value %d became %g, want %g", i, got[i], want)
		}
	}
	if _, dtype := f.Shape("b"); dtype != "F16" || f.Metadata["k"] != "v" {
		t.Errorf("b is %s, metadata %v", dtype, f.Metadata)
	}
	if _, err := Narrow(wide(1, 70000)); err == nil {
		t.Error("70000 is no F16")
	}
}
