package format

import (
	"io"
	"io/fs"
	"sync"

	"handful/core/fault"
)

// FromFS makes a folder of the files right in fsys: os.DirFS of a folder on
// disk, an embed.FS, a zip.Reader. A file is opened when it is first read; it
// is read in place where it can be, else into memory.
func FromFS(fsys fs.FS) (Folder, error) {
	list, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fault.Inputf("read", "%w", err).Next("check the path")
	}
	var f Folder
	for _, e := range list {
		if st, err := fs.Stat(fsys, e.Name()); err == nil && st.Mode().IsRegular() {
			f = append(f, NamedBlob{e.Name(), &fsBlob{fsys: fsys, name: e.Name(), size: st.Size()}})
		}
	}
	if len(f) == 0 {
		return nil, fault.Inputf("read", "no files").Next("check the path")
	}
	return f, nil
}

// fsBlob is one file. It stays open: what reads it ends with the program, or
// with the garbage collector.
type fsBlob struct {
	fsys fs.FS
	name string
	size int64
	once sync.Once
	at   io.ReaderAt
	err  error
}

func (b *fsBlob) Size() int64 { return b.size }

func (b *fsBlob) ReadAt(p []byte, off int64) (int, error) {
	b.once.Do(b.open)
	if b.err != nil {
		return 0, fault.Inputf("read", "%w", b.err).Next("check the path")
	}
	return b.at.ReadAt(p, off)
}

func (b *fsBlob) open() {
	var file fs.File
	if file, b.err = b.fsys.Open(b.name); b.err != nil {
		return
	}
	if at, ok := file.(io.ReaderAt); ok {
		b.at = at
		return
	}
	defer file.Close()
	var all []byte
	all, b.err = io.ReadAll(io.LimitReader(file, b.size))
	b.at = BytesBlob(all)
}
