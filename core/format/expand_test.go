package format

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"handful/core/fault"
)

// zipOf makes a zip; the method is by turns stored and deflated.
func zipOf(t testing.TB, files ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: []uint16{zip.Store, zip.Deflate}[i/2%2]})
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[i+1]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFault28Expand(t *testing.T) {
	z := zipOf(t, "a/config.json", "{}", `a\w.bin`, strings.Repeat("w", 5000), "a/deep/", "", "../../up", "x", "__MACOSX/a", "y")
	f, err := folder("m.zip", string(z), "b.json", "[]", "t.pt", torchZip).Expand()
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Names(); got != "m/a/config.json, m/a/w.bin, m/up, b.json, t.pt" {
		t.Errorf("got %s", got)
	}
	for i, want := range []string{"{}", strings.Repeat("w", 5000), "x"} {
		if got, err := ReadAll("op", f[i], 1<<20); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", f[i].Name, len(got), err)
		}
	}
	for name, bad := range map[string]string{"cut": string(z[:len(z)-30]), "no directory": "PK\x03\x04" + strings.Repeat("\x00", 40)} {
		if _, err := folder("m.zip", bad).Expand(); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "m.zip") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	bomb := zipOf(t, "a", "x", "b", strings.Repeat("\x00", 1<<20))
	if _, err := inflate(mustZip(t, bomb).File[1], 1<<10); err == nil {
		t.Error("more than the limit was unpacked")
	}
}

func mustZip(t testing.TB, b []byte) *zip.Reader {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// FuzzExpand: nothing panics, and every file of what is accepted reads.
func FuzzExpand(f *testing.F) {
	f.Add(zipOf(f, "a/config.json", "{}", "w", strings.Repeat("w", 500), "../up", "x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := Folder{{"z.zip", BytesBlob(b)}}.Expand()
		if err != nil && !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
			t.Fatalf("got %v", err)
		}
		for _, x := range out {
			if strings.Contains("/"+x.Name+"/", "/../") {
				t.Fatalf("the name %q leaves the zip", x.Name)
			}
			if _, err := ReadAll("op", x, x.Size()); err != nil {
				t.Fatalf("%q: %v", x.Name, err)
			}
		}
	})
}
