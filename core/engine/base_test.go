package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"handful/core/format"
	"handful/core/format/formattest"
)

const (
	golden    = "../../testdata/golden/mhr/llama_gqa"
	inventory = "../../assets/inventory/smollm2-135m-mhr"
)

type fileBlob struct {
	*os.File
	size int64
}

func (f fileBlob) Size() int64 { return f.size }

// realBase opens the SmolLM2 GGUF where `make base` has put it, or where
// HANDFUL_BASE says; without it the test is skipped.
func realBase(t testing.TB) format.Folder {
	t.Helper()
	if runtime.GOOS == "js" {
		t.Skip("SKIPPED: the browser's tests run the real model")
	}
	path := os.Getenv("HANDFUL_BASE")
	if path == "" {
		path = "../../.cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
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
	return format.Folder{{Name: filepath.Base(path), Blob: fileBlob{f, st.Size()}}}
}

func realInventory(t *testing.T) format.Folder { return formattest.Folder(t, inventory) }
