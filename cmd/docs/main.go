// Docs makes pages of the repository's Markdown, as the built site has them:
//
//	go run ./cmd/docs FOLDER    FOLDER/*.html, with their pictures and data
//
// It runs at the repository's root. A page has no script, names its files by
// relative addresses and takes its colours from the site's style.css.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("got %q; usage: docs FOLDER", args)
	}
	files, err := build(os.DirFS("."))
	if err != nil {
		return err
	}
	for name, b := range files {
		to := filepath.Join(args[0], filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
