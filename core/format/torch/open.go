// Package torch reads files of torch.save: PyTorch's zip (since 1.6) and the
// stream of pickles before it. A pickle is a program; this one is followed only
// as far as it builds plain values and tensors. It may name nothing else:
// what is not on the list of globals.go is refused by its name, and nothing is
// ever called but the makers of that list.
//
// Tensors are read when asked for. No length in a file is trusted for an
// allocation.
package torch

import (
	"archive/zip"
	"io"
	"strings"

	"handful/core/fault"
	"handful/core/format"
)

const op = "torch"

// maxPickle bounds a pickle's bytes. The data of tensors stands beside it, so
// that the largest public checkpoints have some 10 MB.
const maxPickle = 64 << 20

// Open reads a file's value: nil, bool, int64, float64, string, []byte, *List,
// *Dict, Tuple, *Tensor or Opaque.
func Open(b format.Blob) (any, error) {
	v, err := open(b)
	return v, fault.Or(err, "the file is damaged; get it again")
}

func open(b format.Blob) (any, error) {
	if format.SniffBlob(b) != "pickle" {
		return nil, format.NotA(op, "a file of torch.save", b)
	}
	var magic [2]byte
	if err := format.ReadFull(op, b, magic[:], 0); err != nil {
		return nil, err
	}
	if string(magic[:]) == "PK" {
		return openZip(b)
	}
	return openStream(b)
}

// openZip reads NAME/data.pkl, whose tensors lie in NAME/data/KEY.
func openZip(b format.Blob) (any, error) {
	z, err := zip.NewReader(b, b.Size())
	if err != nil {
		return nil, fault.Inputf(op, "the zip cannot be read: %w", err)
	}
	a := archive{blob: b, files: map[string]*zip.File{}}
	var main *zip.File
	for _, f := range z.File {
		a.files[f.Name] = f
		if main == nil && (f.Name == "data.pkl" || strings.HasSuffix(f.Name, "/data.pkl")) {
			main, a.dir = f, strings.TrimSuffix(f.Name, "data.pkl")
		}
	}
	if main == nil {
		return nil, fault.Inputf(op, "the zip holds no data.pkl")
	}
	if f := a.files[a.dir+"byteorder"]; f != nil {
		if order, err := readEntry(f, 16); err != nil || string(order) != "little" {
			return nil, fault.Unsupportedf(op, "byte order %.16q, want little", order)
		}
	}
	raw, err := readEntry(main, maxPickle)
	if err != nil {
		return nil, err
	}
	m := newMachine(strings.NewReader(string(raw)), a.storage)
	return m.run()
}

// readEntry unpacks an entry of at most limit bytes.
func readEntry(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fault.Inputf(op, "%.100q: %w", f.Name, err)
	}
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fault.Inputf(op, "%.100q: %w", f.Name, err)
	}
	if int64(len(out)) > limit {
		return nil, fault.Inputf(op, "%.100q has more than %d bytes", f.Name, limit)
	}
	return out, nil
}

// archive finds storages in a zip.
type archive struct {
	blob  format.Blob
	files map[string]*zip.File
	dir   string
}

func (a archive) storage(key string, size int64) (at int64, err error) {
	f := a.files[a.dir+"data/"+key]
	switch {
	case f == nil:
		return 0, fault.Inputf(op, "the zip holds no data of storage %.40q", key)
	case f.Method != zip.Store || f.UncompressedSize64 != f.CompressedSize64:
		return 0, fault.Unsupportedf(op, "storage %.40q is compressed", key).Next("save it with torch.save")
	case f.UncompressedSize64 != uint64(size):
		return 0, fault.Inputf(op, "storage %.40q has %d bytes, want %d", key, f.UncompressedSize64, size)
	}
	if at, err = f.DataOffset(); err != nil {
		return 0, fault.Inputf(op, "storage %.40q: %w", key, err)
	}
	if at < 0 || size > a.blob.Size()-at {
		return 0, fault.Inputf(op, "storage %.40q ends behind the file", key)
	}
	return at, nil
}
