package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const sumsName = "SHA256SUMS"

// sums writes the sums of all files below dir, as `sha256sum --check` reads
// them. What a host or a person lays into site/models is not of the release.
func sums(dir string) error {
	var out bytes.Buffer
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == "site/models":
			return fs.SkipDir
		case d.IsDir(), p == sumsName:
			return nil
		}
		b, err := fs.ReadFile(root, p)
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(b), p) // WalkDir goes in order
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sumsName), out.Bytes(), 0o644)
}
