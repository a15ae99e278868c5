//go:build !js

package ui

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"handful/core/fault"
)

func TestZip(t *testing.T) {
	files := []struct {
		name string
		data []byte
	}{
		{"adapter_config.json", []byte("{}")},
		{"adapter_model.safetensors", bytes.Repeat([]byte("weights"), 500_000)},
		{"lora/é.json", nil},
	}
	var z zipWriter
	var out []byte
	for _, f := range files {
		sum := checksum(int64(len(f.data)), func(p []byte, at int64) { copy(p, f.data[at:]) })
		head, err := z.add(f.name, int64(len(f.data)), sum)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, head...), f.data...)
	}
	out = append(out, z.close()...)
	r, err := zip.NewReader(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != len(files) {
		t.Fatalf("got %d files, want %d", len(r.File), len(files))
	}
	for i, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(rc) // the reader checks the sum
		if err != nil || f.Name != files[i].name || !bytes.Equal(got, files[i].data) {
			t.Errorf("file %d: got %q with %d bytes and %v, want %q with %d", i, f.Name, len(got), err, files[i].name, len(files[i].data))
		}
	}
}

func TestZipTooLarge(t *testing.T) {
	var z zipWriter
	if _, err := z.add("a", 3<<30, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := z.add("b", 2<<30, 0); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want an unsupported fault", err)
	}
}
