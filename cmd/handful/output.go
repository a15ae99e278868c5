package main

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"handful/core/engine"
	"handful/core/fault"
)

// output is a folder that appears only when all of it is written: files go to
// a temporary one beside it.
type output struct{ shown, dir, temp string }

// ours matches what an adapter's folder holds. Only a folder with nothing else
// in it is ever replaced.
var ours = regexp.MustCompile(`^(adapter_config\.json|adapter_model\.safetensors|README\.md|manifest\.json|task_rows\.safetensors|task_gradients\.safetensors|train\.jsonl|routing\.json|lora|step[0-9]+)$`)

// newOutput checks that dir can be made, or replaced because it is empty or an
// earlier result.
func newOutput(dir string) (*output, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, pathFault("--out", dir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	list, err := os.ReadDir(abs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, pathFault("--out", dir, err)
	}
	for _, e := range list {
		if !ours.MatchString(e.Name()) {
			return nil, fault.Inputf("--out", "%s holds %s, which is no part of a result", dir, e.Name()).Next("name a new folder")
		}
	}
	parent := filepath.Dir(abs)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, pathFault("--out", dir, err)
	}
	temp, err := os.MkdirTemp(parent, ".handful-*")
	if err != nil {
		return nil, pathFault("--out", dir, err)
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		os.RemoveAll(temp)
		return nil, pathFault("--out", dir, err)
	}
	return &output{dir, abs, temp}, nil
}

// put streams a file into the output.
func (w *output) put(name string, write func(io.Writer) error) error {
	p := filepath.Join(w.temp, filepath.FromSlash(name))
	return writeFile(p, filepath.Join(w.dir, name), write)
}

// writeFile makes a file; shown is its name in a fault.
func writeFile(path, shown string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return pathFault("--out", shown, err)
	}
	b := bufio.NewWriterSize(f, 1<<20)
	err = write(b)
	for _, step := range []func() error{b.Flush, f.Close} {
		if e := step(); err == nil {
			err = e
		}
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return pathFault("--out", shown, err)
	}
	return err
}

// write adds files under a folder of the output.
func (w *output) write(sub string, files []engine.File) error {
	for _, f := range files {
		p := filepath.Join(w.temp, sub, filepath.FromSlash(f.Name))
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if err == nil {
			err = os.WriteFile(p, f.Bytes, 0o644)
		}
		if err != nil {
			return pathFault("--out", filepath.Join(w.dir, sub, f.Name), err)
		}
	}
	return nil
}

// commit puts the finished folder in its place. An earlier result is set aside
// until the new one stands.
func (w *output) commit() error {
	old := w.temp + "-old"
	if err := os.Rename(w.dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathFault("--out", w.dir, err)
	}
	if err := os.Rename(w.temp, w.dir); err != nil {
		os.Rename(old, w.dir)
		return pathFault("--out", w.dir, err)
	}
	os.RemoveAll(old)
	return nil
}

// abandon removes what was not committed.
func (w *output) abandon() { os.RemoveAll(w.temp) }

// writeWhole writes a file that flag names, all of it or nothing. What is there
// and no file, as a device or a pipe, is written to as it is.
func writeWhole(flag, path string, b []byte) error {
	to := path + ".part"
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		to = path
	}
	err := os.WriteFile(to, b, 0o644)
	if err == nil && to != path {
		err = os.Rename(to, path)
	}
	if err == nil {
		return nil
	}
	if to != path {
		os.Remove(to)
	}
	return pathFault(flag, path, err)
}
