// Package format is what files are before they are models: blobs, folders of
// them as a person picked them, and a guess at what a file is by its content.
//
// Nothing here opens files: whoever has a disk, a drop or a store hands in
// Blobs. A file is never trusted for an allocation.
package format

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"handful/core/fault"
	"handful/core/tensor"
)

// Blob is a file's bytes: on disk, in memory or behind a browser's File.
type Blob interface {
	io.ReaderAt
	Size() int64
}

// NamedBlob is a file of a folder; Name is a slash path relative to it.
type NamedBlob struct {
	Name string
	Blob
}

// BytesBlob is a Blob over bytes in memory.
func BytesBlob(b []byte) Blob { return bytes.NewReader(b) }

// ReadFull fills p from offset off. A file that ends early is an Input fault.
func ReadFull(op string, r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Inputf(op, "the file ends at byte %d, want %d more", off+int64(n), len(p)-n).Next("get it again")
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return fault.Inputf(op, "cannot read %d bytes at %d: %w", len(p), off, err).Next("choose the file again")
}

// ReadAll reads a whole blob of at most limit bytes.
func ReadAll(op string, b Blob, limit int64) ([]byte, error) {
	if b.Size() > limit {
		return nil, fault.Inputf(op, "%d bytes, want at most %d", b.Size(), limit).Next("choose another file")
	}
	out := make([]byte, b.Size())
	if err := ReadFull(op, b, out, 0); err != nil {
		return nil, err
	}
	return out, nil
}

// ReadText reads a whole UTF-8 file of at most limit bytes, without its byte
// order mark.
func ReadText(op string, b Blob, limit int64) ([]byte, error) {
	out, err := ReadAll(op, b, limit)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(out) {
		return nil, NotA(op, "UTF-8 text", b)
	}
	return bytes.TrimPrefix(out, bom), nil
}

// source is a tensor that lies in one piece in a blob.
type source struct {
	*io.SectionReader
	dt    tensor.DType
	shape []int
}

func (s *source) DType() tensor.DType { return s.dt }
func (s *source) Shape() []int        { return s.shape }
func (s *source) ID() string          { return "" }

// NewSource is the tensor whose bytes start at off. The caller has checked
// that r holds them.
func NewSource(dt tensor.DType, shape []int, r io.ReaderAt, off int64) tensor.Source {
	return &source{io.NewSectionReader(r, off, int64(dt.Bytes(shape...))), dt, shape}
}

// In puts a file's name before a fault's message. nil stays nil.
func In(name string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	g := *f
	g.Msg = name + ": " + f.Msg
	return &g
}
