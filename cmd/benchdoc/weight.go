package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// weight lists what a first visit to the page downloads, models apart, and what
// an empty program weighs.
func weight(w io.Writer) error {
	fmt.Fprintf(w, "| file | KB | KB, gzip |\n|---|---|---|\n")
	all, packed := 0, 0
	line := func(name string, file []byte) (int, int, error) {
		var small bytes.Buffer
		z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
		if err != nil {
			return 0, 0, err
		}
		if _, err := z.Write(file); err != nil {
			return 0, 0, err
		}
		if err := z.Close(); err != nil {
			return 0, 0, err
		}
		fmt.Fprintf(w, "| %s | %d | %d |\n", name, len(file)/1000, small.Len()/1000)
		return len(file), small.Len(), nil
	}
	for _, f := range []string{"engine.wasm", "ui.wasm", "wasm_exec.js", "vugu-renderer.js", "style.css"} {
		b, err := os.ReadFile("dist/site/" + f)
		if err != nil {
			return fmt.Errorf("%w; run `make build`", err)
		}
		a, p, err := line(f, b)
		if err != nil {
			return err
		}
		all, packed = all+a, packed+p
	}
	fmt.Fprintf(w, "| together | %d | %d |\n", all/1000, packed/1000)
	b, err := emptyProgram()
	if err != nil {
		return err
	}
	_, _, err = line("an empty Go program: fmt, encoding/json, syscall/js", b)
	return err
}

// emptyProgram builds testdata/empty as wasm/build.sh builds the others.
func emptyProgram() ([]byte, error) {
	dir, err := os.MkdirTemp("", "weight")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./cmd/benchdoc/testdata/empty")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("the empty program: %w", err)
	}
	return os.ReadFile(file)
}
