package formattest

import (
	"os"
	"path/filepath"
	"testing"

	"handful/core/format"
)

type fileBlob struct {
	*os.File
	size int64
}

func (f fileBlob) Size() int64 { return f.size }

// Base opens the SmolLM2 GGUF that HANDFUL_BASE names, or .cache/base holds.
// Without it the test is skipped.
func Base(t testing.TB) format.NamedBlob {
	t.Helper()
	path := os.Getenv("HANDFUL_BASE")
	if path == "" {
		path = filepath.Join(root(t), ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("needs the base model: %v (run `make base`)", err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return format.NamedBlob{Name: filepath.Base(path), Blob: fileBlob{f, st.Size()}}
}

// root is the module's folder: the one with go.mod, from the package's up.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}
