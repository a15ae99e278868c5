package format_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"testing"
	"testing/fstest"

	"handful/core/fault"
	"handful/core/format"
)

func TestFromFS(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("config.json")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(`{"a": 1}`))
	z.Close()
	zipped, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	plain := fstest.MapFS{"config.json": {Data: []byte(`{"a": 1}`)}, "below/other.json": {Data: []byte("{}")}}
	for name, fsys := range map[string]fs.FS{"in place": plain, "into memory": zipped} {
		f, err := format.FromFS(fsys)
		if err != nil || len(f) != 1 || f[0].Name != "config.json" || f[0].Size() != 8 {
			t.Fatalf("%s: %v %v", name, f, err)
		}
		got, err := format.ReadAll("test", f[0], 100)
		if err != nil || string(got) != `{"a": 1}` {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := format.FromFS(fstest.MapFS{}); !fault.Is(err, fault.Input) {
		t.Errorf("an empty folder: %v", err)
	}
	f, err := format.FromFS(plain)
	if err != nil {
		t.Fatal(err)
	}
	delete(plain, "config.json")
	if _, err := f[0].ReadAt(make([]byte, 1), 0); !fault.Is(err, fault.Input) {
		t.Errorf("a file that has gone: %v", err)
	}
}
