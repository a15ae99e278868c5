package format

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
)

var bom = []byte("\xef\xbb\xbf")

// Sniff names what a file is by its first bytes: gguf, safetensors, handful (a
// shared fine-tune), json (also
// JSON lines), zip, pickle (also PyTorch's zip of one), gzip, html, lfs (a
// git-lfs pointer), text, empty or binary. It says what a file wants to be, not
// that it is right.
func Sniff(head []byte) string {
	has := func(p string) bool { return bytes.HasPrefix(head, []byte(p)) }
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
	switch {
	case len(head) == 0:
		return "empty"
	case has("GGUF"):
		return "gguf"
	case len(head) > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0:
		return "safetensors"
	case has("handful") && len(head) > 7 && head[7] < ' ':
		return "handful"
	case has("PK\x03\x04"):
		if zippedPickle(head) {
			return "pickle"
		}
		return "zip"
	case has("\x80\x02"), has("\x80\x03"), has("\x80\x04"), has("\x80\x05"):
		return "pickle"
	case has("\x1f\x8b"):
		return "gzip"
	case has("version https://git-lfs"):
		return "lfs"
	case len(trimmed) > 0 && trimmed[0] == '<' && isHTML(trimmed):
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

// zippedPickle reports whether a zip is torch.save's: its first entry is
// <name>/data.pkl.
func zippedPickle(head []byte) bool {
	const fixed = 30 // bytes of a local file header before its name
	if len(head) < fixed {
		return false
	}
	n := int(binary.LittleEndian.Uint16(head[26:]))
	return len(head) >= fixed+n && bytes.HasSuffix(head[fixed:fixed+n], []byte("data.pkl"))
}

// isHTML tells a page from text that begins with "<", as a prompt may.
func isHTML(s []byte) bool {
	low := strings.ToLower(string(s))
	return strings.HasPrefix(low, "<!doctype") || strings.HasPrefix(low, "<?xml") || strings.Contains(low, "<html") || strings.Contains(low, "<head")
}

// SniffBlob reads a blob's head and names what it is; "" where it cannot be
// read, for which NotA has the reason.
func SniffBlob(b Blob) string {
	head, err := head("read", b)
	if err != nil {
		return ""
	}
	return Sniff(head)
}

func head(op string, b Blob) ([]byte, error) {
	p := make([]byte, min(512, b.Size()))
	return p, ReadFull(op, b, p, 0)
}

var described = map[string]string{"gguf": "a GGUF file", "safetensors": "a safetensors file", "handful": "a shared fine-tune", "json": "JSON", "zip": "a zip",
	"pickle": "a pickle (PyTorch .bin, .pt or .ckpt)", "gzip": "a gzip file", "html": "an HTML page", "lfs": "a git-lfs pointer",
	"text": "text", "empty": "an empty file", "binary": "an unknown file"}

// NotA is the fault for a file of the wrong kind, with what to do about it.
func NotA(op, want string, b Blob) error {
	head, err := head(op, b)
	if err != nil {
		return err
	}
	kind := Sniff(head)
	f := fault.Inputf(op, "got %s, want %s", described[kind], want)
	switch kind {
	case "lfs":
		return f.Next("run `git lfs pull` to get the file itself")
	case "html":
		return f.Next("the address answered with a page, not the file; check it")
	case "zip", "gzip":
		return f.Next("unpack it first")
	}
	return f.Next("choose another file")
}
