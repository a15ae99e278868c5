package hf

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// TestFault33NotFinite: NaN in a checkpoint is a fault of the tensor that holds it,
// when that is read: in plain values, in a block's scale, and in rows that are
// stored in another order.
func TestFault33NotFinite(t *testing.T) {
	folder := base(t)
	weights, err := format.ReadAll("test", folder[1], 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, name, says string
		top              int // where the upper half of the first value is, or the first scale
	}{
		{"model.safetensors", "model.norm.weight", "1 of 32 values", 2},
		{"model.safetensors", "model.layers.1.mlp.up_proj.weight", "1 of 2048 values", 2},
		{"tiny.gguf", "model.embed_tokens.weight", "1 block scales of 96 blocks", 0},
		{"tiny.gguf", "model.layers.0.self_attn.k_proj.weight", "1 of 512 values", 0},
	} {
		raw := weights
		with := func(raw []byte) *Checkpoint {
			f := format.Folder{folder[0], blob(c.file, raw)}
			if c.file == "tiny.gguf" {
				f = f[1:]
			}
			ckpt, err := Open(f)
			if err != nil {
				t.Fatal(err)
			}
			return ckpt
		}
		if c.file == "tiny.gguf" {
			raw = tiny(t)
		}
		s, err := with(raw).Tensor(c.name)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := tensor.ReadAll(s)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(raw, stored)
		if at < 0 { // in another order, but for the first row
			at = bytes.Index(raw, stored[:len(stored)/s.Shape()[0]])
		}
		if at < 0 {
			t.Fatalf("%s: not in the file", c.name)
		}
		raw = bytes.Clone(raw)
		binary.LittleEndian.PutUint16(raw[at+c.top:], 0x7fc0)
		if s, err = with(raw).Tensor(c.name); err != nil {
			t.Fatal(err)
		}
		if _, err := tensor.ReadF32(s); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), c.name) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an Input fault saying %q", c.name, err, c.says)
		}
	}
}
