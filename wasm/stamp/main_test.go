package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func page() fstest.MapFS {
	m := fstest.MapFS{}
	for _, p := range []string{"index.html", "ui.wasm", "ui.wasm.gz", "sw.js", "handful.d.ts", "build.js", ".nojekyll", "models/manifest.json", "models/x.gguf", "docs/index.html", "inventory/a/model.safetensors", "pocket/base/config.json"} {
		m[p] = &fstest.MapFile{Data: []byte(p)}
	}
	return m
}

func TestWhatIsOfTheBuild(t *testing.T) {
	b, err := read(page())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"index.html": true, "ui.wasm": true, "sw.js": false, "handful.d.ts": false, "inventory/a/model.safetensors": false, "pocket/base/config.json": true}
	if len(b.Files) != len(want) {
		t.Errorf("got %d files, want %d: %v", len(b.Files), len(want), b.Files)
	}
	for p, shell := range want {
		if f := b.Files[p]; f.Shell != shell || f.Bytes != int64(len(p)) || len(f.SHA256) != 64 {
			t.Errorf("%s: %+v", p, f)
		}
	}
}

func TestTheNameIsOfTheContent(t *testing.T) {
	id := func(change func(fstest.MapFS)) string {
		m := page()
		change(m)
		b, err := read(m)
		if err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	same := id(func(fstest.MapFS) {})
	for what, change := range map[string]func(fstest.MapFS){
		"its own name": func(m fstest.MapFS) { m["build.js"] = &fstest.MapFile{Data: []byte("other")} },
		"a model":      func(m fstest.MapFS) { delete(m, "models/x.gguf") },
		"a text":       func(m fstest.MapFS) { delete(m, "docs/index.html") },
		"a twin":       func(m fstest.MapFS) { delete(m, "ui.wasm.gz") },
	} {
		if id(change) != same {
			t.Errorf("%s makes another build", what)
		}
	}
	for what, change := range map[string]func(fstest.MapFS){
		"a byte":    func(m fstest.MapFS) { m["ui.wasm"] = &fstest.MapFile{Data: []byte("ui.wasn")} },
		"a name":    func(m fstest.MapFS) { m["uj.wasm"] = m["ui.wasm"]; delete(m, "ui.wasm") },
		"one less":  func(m fstest.MapFS) { delete(m, "handful.d.ts") },
		"the skill": func(m fstest.MapFS) { m["inventory/a/model.safetensors"] = &fstest.MapFile{} },
	} {
		if id(change) == same {
			t.Errorf("%s makes no other build", what)
		}
	}
}

func TestAFolderThatIsNoPage(t *testing.T) {
	if _, err := read(fstest.MapFS{"page.mjs": &fstest.MapFile{}}); err == nil {
		t.Error("a folder without index.html must be refused")
	}
}

func TestBuildJS(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<!doctype html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time over the first
		if err := stamp(dir); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var b Build
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(string(text), "globalThis.handfulBuild = "), ";\n")), &b); err != nil || len(b.ID) != 16 || len(b.Files) != 1 {
		t.Errorf("%v: %s", err, text)
	}
}
