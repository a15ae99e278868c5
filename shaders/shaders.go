// Package shaders holds the WGSL of the gpu device and puts its pieces
// together. A file is a kernel family; its head names the op in core/graph
// whose formula it computes. Two things are done to the text:
//
//	//!include NAME      the file NAME.wgsl stands here
//	//!if FLAG … //!end  kept when FLAG is set
//	//!for i N … //!end  once for each of N, $i counting from 0: what is written
//	                     out has names, which drivers keep in registers
//	$NAME                a constant's value
package shaders

import (
	"embed"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

//go:embed *.wgsl _*.wgsl
var files embed.FS

// Names lists the kernel families, without the snippets that they include
// (whose names begin with an underscore).
func Names() (names []string) {
	list, _ := files.ReadDir(".") // an embedded root can be read
	for _, f := range list {
		if !strings.HasPrefix(f.Name(), "_") {
			names = append(names, strings.TrimSuffix(f.Name(), ".wgsl"))
		}
	}
	return names
}

// Vars are a source's constants and flags; a flag is set when its value is
// neither "" nor "0".
type Vars map[string]string

// Source expands a family with its constants.
func Source(name string, v Vars) (string, error) {
	var b strings.Builder
	if err := expand(&b, name, v, 0); err != nil {
		return "", err
	}
	s := b.String()
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return len(keys[i]) > len(keys[j]) }) // longest first: $KV before $K
	for _, k := range keys {
		s = strings.ReplaceAll(s, "$"+k, v[k])
	}
	if i := strings.IndexByte(s, '$'); i >= 0 {
		return "", fmt.Errorf("shaders: %s: %q has no value", name, strings.Fields(s[i:])[0])
	}
	return s, nil
}

func expand(b *strings.Builder, name string, v Vars, depth int) error {
	raw, err := files.ReadFile(name + ".wgsl")
	if err != nil || depth > 4 {
		return fmt.Errorf("shaders: no %s.wgsl", name)
	}
	if err := write(b, strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n"), v, depth); err != nil {
		return fmt.Errorf("shaders: %s: %w", name, err)
	}
	return nil
}

// write writes lines, whose blocks are whole.
func write(b *strings.Builder, lines []string, v Vars, depth int) error {
	for n := 0; n < len(lines); n++ {
		word := strings.Fields(lines[n])
		if len(word) == 0 || !strings.HasPrefix(word[0], "//!") {
			b.WriteString(lines[n])
			b.WriteByte('\n')
			continue
		}
		if word[0] == "//!include" && len(word) == 2 {
			if err := expand(b, word[1], v, depth+1); err != nil {
				return err
			}
			continue
		}
		end := blockEnd(lines, n)
		if end < 0 {
			return fmt.Errorf("%q without its //!if, //!for or //!end", lines[n])
		}
		block := lines[n+1 : end]
		n = end
		times := 0
		switch {
		case word[0] == "//!if" && len(word) == 2:
			flag := strings.TrimPrefix(word[1], "!")
			if set := v[flag] != "" && v[flag] != "0"; set != strings.HasPrefix(word[1], "!") {
				times = 1
			}
		case word[0] == "//!for" && len(word) == 3:
			count := word[2]
			if c, ok := v[count]; ok {
				count = c
			}
			var err error
			if times, err = strconv.Atoi(count); err != nil {
				return fmt.Errorf("%q: %w", strings.Join(word, " "), err)
			}
		default:
			return fmt.Errorf("%q, want //!if FLAG or //!for i N", strings.Join(word, " "))
		}
		text := strings.Join(block, "\n")
		for i := range times {
			round := block
			if word[0] == "//!for" {
				round = strings.Split(strings.ReplaceAll(text, "$"+word[1], strconv.Itoa(i)), "\n")
			}
			if err := write(b, round, v, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// blockEnd is the line that ends the block of line n, or -1.
func blockEnd(lines []string, n int) int {
	for open := 0; n < len(lines); n++ {
		switch word := strings.TrimSpace(lines[n]); {
		case strings.HasPrefix(word, "//!if "), strings.HasPrefix(word, "//!for "):
			open++
		case word == "//!end":
			open--
		}
		if open <= 0 {
			if strings.TrimSpace(lines[n]) == "//!end" && open == 0 {
				return n
			}
			return -1
		}
	}
	return -1
}
