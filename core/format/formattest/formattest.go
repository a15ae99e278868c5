// Package formattest reads folders and golden tensors for tests.
package formattest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"handful/core/format"
	"handful/core/format/safetensors"
)

// Folder reads a folder on disk into memory.
func Folder(t testing.TB, dir string) (f format.Folder) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		f = append(f, format.NamedBlob{Name: filepath.ToSlash(name), Blob: format.BytesBlob(b)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Vectors are a safetensors file's tensors; a missing one fails the test.
type Vectors struct {
	t testing.TB
	f *safetensors.File
}

// Safetensors opens a file of vectors.
func Safetensors(t testing.TB, file string) Vectors {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Bytes(t, b)
}

// Bytes opens vectors in memory.
func Bytes(t testing.TB, b []byte) Vectors {
	t.Helper()
	f, err := safetensors.Open(format.BytesBlob(b))
	if err != nil {
		t.Fatal(err)
	}
	return Vectors{t, f}
}

// F32 reads a float tensor.
func (v Vectors) F32(name string) []float32 {
	v.t.Helper()
	x, err := v.f.F32(name)
	if err != nil {
		v.t.Fatal(err)
	}
	return x
}

// Ints reads an integer tensor.
func (v Vectors) Ints(name string) []int64 {
	v.t.Helper()
	x, err := v.f.Ints(name)
	if err != nil {
		v.t.Fatal(err)
	}
	return x
}

// Shape is a tensor's shape; Names lists all tensors.
func (v Vectors) Shape(name string) []int { s, _ := v.f.Shape(name); return s }
func (v Vectors) Names() []string         { return v.f.Names() }
