// Notices writes THIRD_PARTY.md: what the programs and the page are built from
// besides this repository, with the licences that go along with them.
//
//	go run ./cmd/notices THIRD_PARTY.md
//	go run ./cmd/notices -sbom FILE      the same as a bill of materials (CycloneDX)
package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:generate go run . ../../THIRD_PARTY.md

// shipped are the programs that people get, by platform.
var shipped = []struct{ goos, goarch, pkg string }{
	{"linux", "amd64", "handful/cmd/handful"},
	{"darwin", "arm64", "handful/cmd/handful"},
	{"windows", "amd64", "handful/cmd/handful"},
	{"js", "wasm", "handful/wasm/engine"},
	{"js", "wasm", "handful/wasm/ui"},
}

// module is a Go module in a shipped program.
type module struct{ path, version, dir string }

func main() {
	log.SetFlags(0)
	log.SetPrefix("notices: ")
	args, make := os.Args[1:], render
	if len(args) == 2 && args[0] == "-sbom" {
		args, make = args[1:], sbom
	}
	if len(args) != 1 {
		log.Fatal("usage: notices [-sbom] FILE")
	}
	mods, err := modules()
	if err != nil {
		log.Fatal(err)
	}
	text, err := make(mods)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(args[0], text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// modules lists every module that a shipped program links, and Go itself.
func modules() ([]module, error) {
	seen := map[module]bool{}
	for _, s := range shipped {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}|{{.Version}}|{{.Dir}}{{end}}", s.pkg)
		cmd.Env = append(cmd.Environ(), "GOOS="+s.goos, "GOARCH="+s.goarch, "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list %s for %s/%s: %w", s.pkg, s.goos, s.goarch, err)
		}
		for _, l := range strings.Fields(string(out)) {
			if f := strings.Split(l, "|"); f[0] != "handful" {
				seen[module{f[0], f[1], f[2]}] = true
			}
		}
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	mods := []module{{"Go", "the standard library, the runtime and wasm_exec.js", strings.TrimSpace(string(out))}}
	for m := range seen {
		mods = append(mods, m)
	}
	slices.SortFunc(mods[1:], func(a, b module) int { return cmp.Compare(a.path, b.path) })
	return mods, nil
}

// notices are the files of a module that must go along with it.
func (m module) notices() (files []string, err error) {
	for _, pattern := range []string{"LICENSE*", "NOTICE*", "THIRD_PARTY_LICENSES/*"} {
		found, err := filepath.Glob(filepath.Join(m.dir, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no licence file", m.path)
	}
	return files, nil
}

// licence names a text by its words; "see below" for the ones it doesn't know.
func licence(text []byte) string {
	has := func(s string) bool {
		return bytes.Contains(bytes.ToLower(bytes.Join(bytes.Fields(text), []byte(" "))), []byte(s))
	}
	switch {
	case has("apache license") && has("version 2.0, january 2004"):
		return "Apache-2.0"
	case has("permission is hereby granted, free of charge"):
		return "MIT"
	case has("redistribution and use in source and binary forms") && has("neither the name"):
		return "BSD-3-Clause"
	}
	return "see below"
}

// intro is everything that is not read from modules.
//
//go:embed intro.md
var intro []byte

// render writes the table and the texts.
func render(mods []module) ([]byte, error) {
	var table, texts bytes.Buffer
	for _, m := range mods {
		files, err := m.notices()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&texts, "\n## %s\n", m.path)
		for i, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			name := licence(text)
			if i == 0 {
				fmt.Fprintf(&table, "| %s | %s | %s |\n", m.path, m.version, name)
			}
			if name == "Apache-2.0" && strings.HasPrefix(filepath.Base(f), "LICENSE") {
				fmt.Fprintf(&texts, "\nApache License 2.0, see LICENSE.\n")
				continue
			}
			rel, err := filepath.Rel(m.dir, f)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&texts, "\n%s\n\n```\n%s\n```\n", filepath.ToSlash(rel), strings.TrimSpace(strings.ReplaceAll(string(text), "\r", "")))
		}
	}
	return bytes.Join([][]byte{intro, table.Bytes(), texts.Bytes()}, nil), nil
}
