// Package format is what files are before they are models: blobs, folders of
// them as a person picked them, and a guess at what a file is by its content.
package format

import (
	"bytes"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
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

// Folder is a picked folder, or a few files, in any order.
type Folder []NamedBlob

// Find gives the file with this base name, at the shallowest depth.
func (f Folder) Find(name string) (NamedBlob, bool) {
	best, depth := NamedBlob{}, -1
	for _, b := range f {
		if d := strings.Count(b.Name, "/"); path.Base(b.Name) == name && (depth < 0 || d < depth) {
			best, depth = b, d
		}
	}
	return best, depth >= 0
}

// Ext lists the files with an extension such as ".gguf".
func (f Folder) Ext(ext string) (out Folder) {
	for _, b := range f {
		if strings.EqualFold(path.Ext(b.Name), ext) {
			out = append(out, b)
		}
	}
	return out
}

// Names lists the files for messages, at most a few.
func (f Folder) Names() string {
	var n []string
	for i, b := range f {
		if i == 6 {
			n = append(n, "…")
			break
		}
		n = append(n, b.Name)
	}
	if n == nil {
		return "no files"
	}
	return strings.Join(n, ", ")
}

type bytesBlob struct{ *bytes.Reader }

func (b bytesBlob) Size() int64 { return b.Reader.Size() }

// BytesBlob is a Blob over bytes in memory.
func BytesBlob(b []byte) Blob { return bytesBlob{bytes.NewReader(b)} }

// ReadAll reads a whole blob of at most limit bytes.
func ReadAll(op string, b Blob, limit int64) ([]byte, error) {
	if b.Size() > limit {
		return nil, fault.Inputf(op, "%d bytes, want at most %d", b.Size(), limit)
	}
	out := make([]byte, b.Size())
	n, err := b.ReadAt(out, 0)
	if n == len(out) {
		err = nil
	}
	return out, err
}

// Sniff names what a file is by its first bytes: gguf, safetensors, json, zip,
// pickle, html, lfs (a git-lfs pointer), text, empty or binary.
func Sniff(head []byte) string {
	has := func(p string) bool { return bytes.HasPrefix(head, []byte(p)) }
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(head) == 0:
		return "empty"
	case has("GGUF"):
		return "gguf"
	case len(head) > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0:
		return "safetensors"
	case has("PK\x03\x04"):
		return "zip"
	case has("\x80\x02") || has("\x80\x03") || has("\x80\x04") || has("\x80\x05"):
		return "pickle"
	case has("version https://git-lfs"):
		return "lfs"
	case len(trimmed) > 0 && trimmed[0] == '<':
		return "html"
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '['):
		return "json"
	}
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r == 0 {
			return "binary"
		}
		head = head[n:]
	}
	return "text"
}

// SniffBlob reads a blob's head and names what it is.
func SniffBlob(b Blob) string {
	head := make([]byte, min(512, b.Size()))
	n, _ := b.ReadAt(head, 0)
	return Sniff(head[:n])
}

var described = map[string]string{"gguf": "a GGUF file", "safetensors": "a safetensors file", "json": "JSON", "zip": "a zip (or a PyTorch checkpoint)",
	"pickle": "a pickle", "html": "an HTML page", "lfs": "a git-lfs pointer", "text": "text", "empty": "an empty file", "binary": "an unknown file"}

// NotA is the fault for a file of the wrong kind, with what to do about it.
func NotA(op, want string, b Blob) error {
	kind := SniffBlob(b)
	f := fault.Inputf(op, "got %s, want %s", described[kind], want)
	switch kind {
	case "lfs":
		return f.Next("run `git lfs pull` to get the file itself")
	case "html":
		return f.Next("the address answered with a page, not the file; check it")
	case "pickle", "zip":
		if want == "safetensors" {
			return fault.Unsupportedf(op, "got %s, want safetensors; a pickle can run code", described[kind]).Next("convert it to safetensors first")
		}
	}
	return f
}
