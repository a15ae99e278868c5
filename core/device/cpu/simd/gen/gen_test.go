package main

import (
	"bytes"
	"os"
	"testing"
)

// TestCommitted holds the committed modules against what the generator makes.
func TestCommitted(t *testing.T) {
	for name, relaxed := range map[string]bool{"plain.wasm": false, "relaxed.wasm": true} {
		got, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if want := build(relaxed); !bytes.Equal(got, want) {
			t.Errorf("%s is stale: %d bytes, the generator makes %d; run go generate ./core/device/cpu/simd", name, len(got), len(want))
		}
	}
}

// TestRelaxedOnly checks that plain.wasm has no relaxed instruction: the two
// may differ in the multiply-add alone, whose code is fd 85 02.
func TestRelaxedOnly(t *testing.T) {
	madd := []byte{0xfd, 0x85, 0x02}
	if n := bytes.Count(build(false), madd); n != 0 {
		t.Errorf("plain.wasm holds %d relaxed instructions", n)
	}
	if n := bytes.Count(build(true), madd); n < 100 {
		t.Errorf("relaxed.wasm holds %d relaxed instructions, want the kernels' inner loops", n)
	}
}
