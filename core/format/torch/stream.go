package torch

import (
	"bufio"
	"encoding/binary"
	"io"

	"handful/core/fault"
	"handful/core/format"
)

// The first two pickles of the old format (torch/serialization.py,
// MAGIC_NUMBER and PROTOCOL_VERSION).
const (
	magicNumber     = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
	protocolVersion = 1001
)

// counted counts what is read through a buffer.
type counted struct {
	r  *bufio.Reader
	at int64
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.at++
	}
	return b, err
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.at += int64(n)
	return n, err
}

// openStream reads the old format: pickles of a magic number, a version, the
// machine's sizes, the value and the keys of its storages; then each storage, its
// number of elements before it.
func openStream(b format.Blob) (any, error) {
	in := &counted{r: bufio.NewReaderSize(io.NewSectionReader(b, 0, b.Size()), 1<<16)}
	s := &stream{blob: b, size: map[string]int64{}, at: map[string]int64{}}
	next := func() (any, error) { return newMachine(in, s.storage).run() }
	if v, err := next(); err != nil || v != any(Opaque(magicNumber)) {
		if err != nil {
			return nil, err
		}
		return nil, fault.Unsupportedf(op, "a pickle that torch.save did not write").Next("save the tensors with torch.save, or as safetensors")
	}
	if v, err := next(); err != nil || v != any(int64(protocolVersion)) {
		return nil, fault.Or(or(err, fault.Unsupportedf(op, "version %v of the format, want %d", v, protocolVersion)), "save it with a newer PyTorch")
	}
	v, err := next()
	if err != nil {
		return nil, err
	}
	if d, ok := v.(*Dict); !ok || d.Get("little_endian") != true {
		return nil, fault.Unsupportedf(op, "a file that is not little-endian").Next("save it with a newer PyTorch")
	}
	root, err := next()
	if err != nil {
		return nil, err
	}
	keys, err := next()
	if err != nil {
		return nil, err
	}
	return root, s.place(keys, in.at)
}

func or(err error, other error) error {
	if err != nil {
		return err
	}
	return other
}

// stream finds storages behind the pickles. While those are read only the
// storages' sizes are known.
type stream struct {
	blob format.Blob
	size map[string]int64 // bytes, as tensors say
	at   map[string]int64 // once placed
}

func (s *stream) storage(key string, size int64) (int64, error) {
	if have, ok := s.size[key]; ok && have != size {
		return 0, fault.Inputf(op, "storage %.40q has %d bytes and %d", key, have, size)
	}
	s.size[key] = size
	at, ok := s.at[key]
	if !ok {
		return -1, nil
	}
	return at, nil
}

// place walks over the storages.
func (s *stream) place(keys any, at int64) error {
	list, ok := keys.(*List)
	if !ok {
		return fault.Inputf(op, "no list of storages")
	}
	for _, k := range list.Items {
		key, ok := k.(string)
		size, known := s.size[key]
		if _, twice := s.at[key]; !ok || !known || twice {
			return fault.Inputf(op, "storage %.40v is of no tensor, or stands twice", k)
		}
		var count [8]byte
		if err := format.ReadFull(op, s.blob, count[:], at); err != nil {
			return err
		}
		if n := binary.LittleEndian.Uint64(count[:]); n > uint64(size) || size > s.blob.Size()-at-8 {
			return fault.Inputf(op, "storage %.40q claims %d elements, the file has %d bytes left", key, n, s.blob.Size()-at-8)
		}
		s.at[key] = at + 8
		at += 8 + size
	}
	for key := range s.size {
		if _, ok := s.at[key]; !ok {
			return fault.Inputf(op, "storage %.40q is not in the file", key)
		}
	}
	return nil
}
