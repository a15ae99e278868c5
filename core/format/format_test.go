package format

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"handful/core/fault"
)

// torchZip is the head of a file by torch.save: a zip whose first entry is the
// pickle.
var torchZip = "PK\x03\x04" + strings.Repeat("\x00", 22) + "\x10\x00\x00\x00" + "archive/data.pkl"

func TestSniff(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"", "empty"},
		{"GGUF\x03\x00\x00\x00", "gguf"},
		{"\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":", "safetensors"},
		{torchZip, "pickle"},
		{"PK\x03\x04" + strings.Repeat("\x00", 40), "zip"},
		{"PK\x03\x04", "zip"},
		{"\x80\x04\x95", "pickle"},
		{"\x1f\x8b\x08", "gzip"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:", "lfs"},
		{"\n <!DOCTYPE html><html>", "html"},
		{"<HTML lang=en>", "html"},
		{"<|im_start|>user", "text"},
		{"\xef\xbb\xbf {\"a\": 1}", "json"},
		{"{\"input\": 1}\n{\"input\": 2}\n", "json"},
		{"[1]", "json"},
		{"text,label\nhé,a", "text"},
		{"\x00\x01\x02", "binary"},
		{"\xff\xfe\xfd\xfc\xfb", "binary"},
	} {
		if got := Sniff([]byte(c.head)); got != c.want {
			t.Errorf("%.20q: got %s, want %s", c.head, got, c.want)
		}
	}
}

func TestNotA(t *testing.T) {
	for _, c := range []struct {
		head string
		kind fault.Kind
		says string
	}{
		{"<html>", fault.Input, "an HTML page"},
		{"version https://git-lfs.github.com/spec/v1", fault.Input, "git lfs pull"},
		{"\x80\x02}", fault.Input, "got a pickle"},
		{torchZip, fault.Input, "got a pickle"},
		{"PK\x03\x04", fault.Input, "unpack"},
		{"\x1f\x8b", fault.Input, "unpack"},
		{"", fault.Input, "an empty file"},
		{"{}", fault.Input, "got JSON, want safetensors"},
	} {
		err := NotA("op", "safetensors", BytesBlob([]byte(c.head)))
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.20q: got %v, want %v saying %q", c.head, err, c.kind, c.says)
		}
	}
}

// A file that cannot be read is none of the wrong kind.
func TestNotAOfWhatCannotBeRead(t *testing.T) {
	gone := gone{BytesBlob([]byte("safetensors?"))}
	if kind := SniffBlob(gone); kind != "" {
		t.Errorf("got %q for what cannot be read", kind)
	}
	if err := NotA("op", "safetensors", gone); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "cannot read 12 bytes at 0: taken away") {
		t.Errorf("got %v", err)
	}
}

// gone is a file that was there when it was chosen.
type gone struct{ Blob }

func (gone) ReadAt([]byte, int64) (int, error) { return 0, errors.New("taken away") }

func folder(files ...string) (f Folder) {
	for i := 0; i < len(files); i += 2 {
		f = append(f, NamedBlob{files[i], BytesBlob([]byte(files[i+1]))})
	}
	return f
}

func TestFind(t *testing.T) {
	f := folder("out/lora/c.json", "{}", "out/c.json", "{}", "out/w.bin", "x", "out/step1/c.json", "{}")
	if b, ok := f.Find("c.json"); !ok || b.Name != "out/c.json" {
		t.Errorf("got %q, want the shallowest", b.Name)
	}
	if _, ok := f.Find("out"); ok {
		t.Error("a directory is no file")
	}
	if got := f.Beside("out/c.json").Names(); got != "out/c.json, out/w.bin" {
		t.Errorf("beside: got %s", got)
	}
}

func TestFindObject(t *testing.T) {
	tok := `{"model": {}}`
	f := folder("m/tokenizer.json", tok, "m/deep/config (2).json", `{"model_type": "b", "n": 1}`, "m/config (1).json", "\xef\xbb\xbf"+`{"model_type": "a"}`, "rows.jsonl", "{}\n{}")
	b, o, ok, err := f.FindObject("op", "config.json", "model_type")
	if err != nil || !ok || b.Name != "m/config (1).json" || string(o["model_type"]) != `"a"` {
		t.Errorf("by keys: got %q %v %v %v", b.Name, o, ok, err)
	}
	if _, _, ok, err := f.FindObject("op", "config.json", "peft_type"); ok || err != nil {
		t.Errorf("got %v %v, want nothing", ok, err)
	}
	b, _, ok, err = f.FindObject("op", "tokenizer.json", "absent")
	if !ok || err != nil || b.Name != "m/tokenizer.json" {
		t.Errorf("by name: got %q %v %v", b.Name, ok, err)
	}
	for _, bad := range []string{"<html>", "[1]", "null", "{", `{"a": "` + "\xff" + `"}`, "", "{}{}"} {
		_, _, ok, err := folder("config.json", bad, "x.json", `{"model_type": 1}`).FindObject("op", "config.json", "model_type")
		if ok || !fault.Is(err, fault.Input) {
			t.Errorf("%q: got %v %v, want an Input fault: a file by the name is the one meant", bad, ok, err)
		}
	}
	var syntax *json.SyntaxError
	if _, err := ReadObject("op", folder("c", "{x")[0]); !errors.As(err, &syntax) {
		t.Errorf("got %v, want its cause kept", err)
	}
}

// failing reads nothing and says why.
type failing struct {
	size int64
	err  error
}

func (f failing) Size() int64                           { return f.size }
func (f failing) ReadAt(p []byte, _ int64) (int, error) { return 0, f.err }

func TestReadAll(t *testing.T) {
	if _, err := ReadAll("op", BytesBlob(make([]byte, 9)), 8); !fault.Is(err, fault.Input) {
		t.Errorf("too long: got %v", err)
	}
	if _, err := ReadAll("op", failing{5, io.EOF}, 8); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "ends at byte 0") {
		t.Errorf("short: got %v", err)
	}
	gone := errors.New("gone")
	if _, err := ReadAll("op", failing{5, gone}, 8); !errors.Is(err, gone) {
		t.Errorf("unreadable: got %v", err)
	}
	lost := fault.New(fault.Corrupt, "store", "damaged")
	if _, err := ReadAll("op", failing{5, lost}, 8); !fault.Is(err, fault.Corrupt) {
		t.Errorf("a store's own fault: got %v", err)
	}
	if err := In("x.json", lost); err.Error() != "store: x.json: damaged" || !fault.Is(err, fault.Corrupt) || In("x", nil) != nil {
		t.Errorf("named: got %v", err)
	}
}
