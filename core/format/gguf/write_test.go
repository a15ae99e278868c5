package gguf_test

import (
	"bytes"
	"reflect"
	"testing"

	"handful/core/format/gguf"
	"handful/core/tensor"
)

// TestWrite: what is written reads back, whatever the sizes are.
func TestWrite(t *testing.T) {
	ts := []gguf.Tensor{
		{Name: "a", Source: tensor.F32Source([]float32{1, 2, 3, 4, 5, 6}, 2, 3)},
		{Name: "b", Source: tensor.MemSource(tensor.F16, []int{5}, make([]byte, 10), "")},
		{Name: "c", Source: tensor.MemSource(tensor.Q4_K, []int{2, 256}, make([]byte, 288), "")},
	}
	var b bytes.Buffer
	if err := gguf.Write(&b, []gguf.KV{{Key: "s", Value: "é"}, {Key: "n", Value: uint32(7)}, {Key: "x", Value: float32(1.5)}, {Key: "y", Value: true}}, ts); err != nil {
		t.Fatal(err)
	}
	f, err := open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"s": "é", "n": uint64(7), "x": 1.5, "y": true}; !reflect.DeepEqual(f.Keys(), want) {
		t.Errorf("got %v", f.Keys())
	}
	for _, x := range ts {
		s, err := f.Tensor(x.Name)
		if err != nil || !reflect.DeepEqual(s.Shape(), x.Shape()) || s.DType() != x.DType() {
			t.Fatalf("%s: got %v, %v", x.Name, s, err)
		}
		got, err := tensor.ReadAll(s)
		want, err2 := tensor.ReadAll(x)
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", x.Name, got, want)
		}
	}
	if err := gguf.Write(&b, []gguf.KV{{Key: "k", Value: 1}}, nil); err == nil {
		t.Error("an int was written")
	}
}
