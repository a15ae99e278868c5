package ui

import (
	"encoding/binary"
	"hash/crc32"

	"handful/core/fault"
)

// zipWriter makes a zip whose files are stored as they are: weights do not
// shrink. It gives only what stands between the files, so that their bytes
// stay where they are.
type zipWriter struct {
	entries []zipEntry
	at      uint32
}

type zipEntry struct {
	name           string
	sum, size, pos uint32
}

const (
	zipMost    = 1<<32 - 1 // bytes in all; more would want zip64
	zipVersion = 20
	zipUTF8    = 1 << 11
	zipDate    = 1<<5 | 1 // 1980-01-01: the same files give the same zip
)

// add gives what stands before a file of this size and checksum (IEEE CRC-32).
func (z *zipWriter) add(name string, size int64, sum uint32) ([]byte, error) {
	head := zipLocal(zipEntry{name: name, sum: sum, size: uint32(size)})
	if int64(z.at)+int64(len(head))+size+1<<20 > zipMost || len(z.entries) >= 1<<16-1 {
		return nil, fault.Unsupportedf("export", "the files are more than a zip of 4 GB holds")
	}
	z.entries = append(z.entries, zipEntry{name, sum, uint32(size), z.at})
	z.at += uint32(len(head)) + uint32(size)
	return head, nil
}

// close gives what stands behind the files.
func (z *zipWriter) close() []byte {
	le := binary.LittleEndian
	var dir []byte
	for _, e := range z.entries {
		dir = le.AppendUint32(dir, 0x02014b50)
		dir = le.AppendUint16(dir, zipVersion)
		dir = append(dir, zipFields(e)...)
		dir = append(dir, make([]byte, 10)...) // comment, disk, attributes: none
		dir = le.AppendUint32(dir, e.pos)
		dir = append(dir, e.name...)
	}
	end := le.AppendUint32(nil, 0x06054b50)
	end = le.AppendUint32(end, 0) // disks
	n := uint16(len(z.entries))
	end = le.AppendUint16(end, n)
	end = le.AppendUint16(end, n)
	end = le.AppendUint32(end, uint32(len(dir)))
	end = le.AppendUint32(end, z.at)
	end = le.AppendUint16(end, 0)
	return append(dir, end...)
}

func zipLocal(e zipEntry) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x04034b50)
	return append(append(b, zipFields(e)...), e.name...)
}

// zipFields are those that the local header and the directory have in common.
func zipFields(e zipEntry) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, zipVersion)
	b = le.AppendUint16(b, zipUTF8)
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint16(b, 0) // time
	b = le.AppendUint16(b, zipDate)
	b = le.AppendUint32(b, e.sum)
	b = le.AppendUint32(b, e.size)
	b = le.AppendUint32(b, e.size)
	b = le.AppendUint16(b, uint16(len(e.name)))
	return le.AppendUint16(b, 0) // no extra fields
}

// checksum goes over a file in pieces.
func checksum(size int64, read func(p []byte, at int64)) uint32 {
	sum, buf := crc32.NewIEEE(), make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(buf)) {
		p := buf[:min(int64(len(buf)), size-at)]
		read(p, at)
		sum.Write(p)
	}
	return sum.Sum32()
}
