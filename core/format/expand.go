package format

import (
	"archive/zip"
	"io"
	"path"
	"strings"

	"handful/core/fault"
)

// What a zip may be made of: names, and bytes where it is compressed, which are
// unpacked in memory. Entries stored as they are, as weights mostly are, are
// read in place.
const (
	maxEntries  = 1 << 14
	maxUnpacked = 512 << 20
)

// Expand puts the files of each zip in the place of the zip, under its name.
// A zip of torch.save is a file like any other.
func (f Folder) Expand() (Folder, error) {
	var out Folder
	for _, b := range f {
		if SniffBlob(b) != "zip" {
			out = append(out, b)
			continue
		}
		files, err := unzip(b)
		if err != nil {
			return nil, In(b.Name, err)
		}
		out = append(out, files...)
	}
	return out, nil
}

func unzip(b NamedBlob) (out Folder, err error) {
	const op = "zip"
	z, err := zip.NewReader(b, b.Size())
	if err != nil {
		return nil, fault.Inputf(op, "cannot be read: %w", err).Next("get it again, or unpack it first")
	}
	if len(z.File) > maxEntries {
		return nil, fault.Inputf(op, "%d files, want at most %d", len(z.File), maxEntries).Next("unpack it first")
	}
	dir, left := strings.TrimSuffix(b.Name, path.Ext(b.Name)), int64(maxUnpacked)
	for _, e := range z.File {
		name := path.Clean("/" + strings.ReplaceAll(e.Name, `\`, "/"))[1:]
		if e.FileInfo().IsDir() || name == "" || strings.HasPrefix(name, "__MACOSX/") {
			continue
		}
		if e.Flags&1 != 0 {
			return nil, fault.Unsupportedf(op, "%.120q is encrypted", name).Next("unpack it first")
		}
		var file Blob
		if e.Method == zip.Store && e.CompressedSize64 == e.UncompressedSize64 {
			at, err := e.DataOffset()
			if err != nil || at < 0 || e.UncompressedSize64 > uint64(max(0, b.Size()-at)) {
				return nil, fault.Inputf(op, "%.120q lies outside of the zip", name).Next("get it again")
			}
			file = io.NewSectionReader(b, at, int64(e.UncompressedSize64))
		} else if file, err = inflate(e, left); err != nil {
			return nil, fault.Inputf(op, "%.120q: %w", name, err).Next("unpack it first")
		} else {
			left -= file.Size()
		}
		out = append(out, NamedBlob{path.Join(dir, name), file})
	}
	return out, nil
}

// inflate unpacks an entry of at most limit bytes; what it claims counts for
// nothing.
func inflate(e *zip.File, limit int64) (Blob, error) {
	r, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fault.Inputf("zip", "compressed files of more than %d MB in all", maxUnpacked>>20)
	}
	return BytesBlob(raw), nil
}
