// Command stamp writes build.js of a page that is laid out: go run ./wasm/stamp
// dist/site. It names every file with its size and sum, and the build by a sum
// of those, so that one changed byte is another build. The service worker, the
// page and the engine's Worker all take the build's name from there.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"handful/core/version"
)

// name of the file that is written.
const name = "build.js"

// File is what is known of one of the page's files.
type File struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Shell  bool   `json:"shell,omitempty"` // kept by the service worker
}

// Build is what build.js holds.
type Build struct {
	ID      string          `json:"id"`
	Version string          `json:"version"`
	Files   map[string]File `json:"files"` // by path, relative to the page
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: stamp FOLDER")
		os.Exit(2)
	}
	if err := stamp(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "stamp:", err)
		os.Exit(1)
	}
}

func stamp(dir string) error {
	b, err := read(os.DirFS(dir))
	if err != nil {
		return err
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte("globalThis.handfulBuild = "+string(text)+";\n"), 0o644)
}

// read sums a page's files. Models are not of the build, for they come and go,
// nor is the documentation: no other text makes another program.
func read(dir fs.FS) (*Build, error) {
	b := &Build{Version: version.Number, Files: map[string]File{}}
	all := sha256.New()
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != "." && strings.HasPrefix(d.Name(), "."), p == "models", p == "docs":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), p == name, path.Ext(p) == ".gz":
			return nil
		}
		data, err := fs.ReadFile(dir, p)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		f := File{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data)), Shell: shell(p)}
		b.Files[p] = f
		fmt.Fprintf(all, "%s %s\n", f.SHA256, p) // WalkDir goes in order
		return nil
	})
	if err == nil && !b.Files["index.html"].Shell {
		err = fmt.Errorf("no index.html")
	}
	b.ID = hex.EncodeToString(all.Sum(nil)[:8])
	return b, err
}

// shell tells whether the service worker keeps the file: all that the page
// needs, but for skills of a model that has to be fetched itself, and itself.
func shell(p string) bool {
	return !strings.HasPrefix(p, "inventory/") && p != "sw.js" && !strings.HasSuffix(p, ".d.ts")
}
