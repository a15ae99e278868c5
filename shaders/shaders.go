// Package shaders holds the WGSL of the gpu device and puts its pieces
// together. A file is a kernel family; its head names the op in core/graph
// whose formula it computes. Two things are done to the text:
//
//	//!include NAME      the file NAME.wgsl stands here
//	//!if FLAG … //!end  kept when FLAG is set
//	$NAME                a constant's value
package shaders

import (
	"embed"
	"fmt"
	"sort"
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
	keep := []bool{true}
	for n, line := range strings.Split(string(raw), "\n") {
		word := strings.TrimSpace(line)
		on := keep[len(keep)-1]
		switch {
		case strings.HasPrefix(word, "//!if "):
			flag := strings.TrimSpace(word[6:])
			set := v[strings.TrimPrefix(flag, "!")] != "" && v[strings.TrimPrefix(flag, "!")] != "0"
			keep = append(keep, on && set != strings.HasPrefix(flag, "!"))
		case word == "//!end":
			if len(keep) == 1 {
				return fmt.Errorf("shaders: %s:%d: //!end without //!if", name, n+1)
			}
			keep = keep[:len(keep)-1]
		case !on:
		case strings.HasPrefix(word, "//!include "):
			if err := expand(b, strings.TrimSpace(word[11:]), v, depth+1); err != nil {
				return err
			}
		default:
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	if len(keep) != 1 {
		return fmt.Errorf("shaders: %s: //!if without //!end", name)
	}
	return nil
}
