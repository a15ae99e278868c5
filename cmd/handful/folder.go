package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/share"
)

// file is a Blob on disk that is opened when it is first read: a folder may
// hold many files that nobody wants.
type file struct {
	path string
	size int64
	mu   sync.Mutex
	f    *os.File
}

func (f *file) Size() int64 { return f.size }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	if f.f == nil {
		var err error
		if f.f, err = os.Open(f.path); err != nil {
			f.mu.Unlock()
			return 0, pathFault("read", f.path, err)
		}
	}
	f.mu.Unlock()
	return f.f.ReadAt(p, off)
}

// openFolder lists a file, or the files right in a folder.
func openFolder(op, path string) (format.Folder, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, pathFault(op, path, err)
	}
	if st.Mode().IsRegular() {
		return format.Folder{{Name: filepath.Base(path), Blob: &file{path: path, size: st.Size()}}}, nil
	}
	if !st.IsDir() {
		return nil, fault.Inputf(op, "%s is neither a file nor a folder", path).Next("check the path")
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return nil, pathFault(op, path, err)
	}
	var f format.Folder
	for _, e := range list {
		p := filepath.Join(path, e.Name())
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			f = append(f, format.NamedBlob{Name: e.Name(), Blob: &file{path: p, size: st.Size()}})
		}
	}
	if len(f) == 0 {
		return nil, fault.Inputf(op, "%s holds no files", path).Next("check the path")
	}
	return f, nil
}

// openTree lists a folder and the folders right in it, by slash paths.
func openTree(op, path string) (format.Folder, error) {
	f, err := openFolder(op, path)
	st, serr := os.Stat(path)
	if serr != nil || !st.IsDir() {
		return f, err
	}
	list, lerr := os.ReadDir(path)
	if lerr != nil {
		return nil, pathFault(op, path, lerr)
	}
	for _, e := range list {
		sub, serr := openFolder(op, filepath.Join(path, e.Name()))
		if !e.IsDir() || serr != nil {
			continue // an empty folder
		}
		for _, b := range sub {
			b.Name = e.Name() + "/" + b.Name
			f = append(f, b)
		}
	}
	if len(f) == 0 {
		return nil, err
	}
	return f, nil
}

// openAdapter opens what is named after its folder: an adapter is called as its
// folder is.
func openAdapter(op, path string) (format.Folder, error) {
	if _, err := os.Stat(path); err != nil && share.IsText(path) {
		return openShared(op, path)
	}
	f, err := openTree(op, path)
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, pathFault(op, path, err)
		}
		for i := range f {
			f[i].Name = filepath.Base(abs) + "/" + f[i].Name
		}
	}
	return f, nil
}

func closeFolder(f format.Folder) {
	for _, b := range f {
		if x, ok := b.Blob.(*file); ok && x.f != nil {
			x.f.Close()
		}
	}
}

// readText reads a file of examples.
func readText(op, path string) (string, error) {
	const most = 256 << 20
	st, err := os.Stat(path)
	if err != nil {
		return "", pathFault(op, path, err)
	}
	if st.IsDir() {
		return "", fault.Inputf(op, "%s is a folder, want a file of examples", path).Next("name one of its files")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", pathFault(op, path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1)) // a device or a pipe has no size
	if err != nil {
		return "", pathFault(op, path, err)
	}
	if len(b) > most {
		return "", fault.Inputf(op, "%s has more than %d MB, want a file of examples", path, most>>20).Next("check the path")
	}
	return string(b), nil
}

// pathFault is what the system said about a path, with a next step.
func pathFault(op, path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	next := "check the path"
	switch {
	case errors.Is(err, fs.ErrPermission):
		next = "check its permissions"
	case errors.Is(err, syscall.ENOSPC):
		next = "free some space"
	}
	return fault.Inputf(op, "%s: %w", path, err).Next("%s", next)
}
