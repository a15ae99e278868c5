// Package shaders holds the WGSL kernels and expands them.
//
// A kernel is named by a spec, "file KEY=value FLAG": the file's text with its
// directives carried out. Directives stand alone on a line:
//
//	//!include NAME        the snippet lib/NAME.wgsl
//	//!if KEY              lines up to //!else or //!end are kept when KEY is
//	//!if KEY=value        set (to value)
//	//!repeat i N          lines up to //!end, N times with ${i} = 0 … N−1
//
// ${KEY} is replaced by the value of KEY, in directives too. Bindings are read
// from the text, so a layout is written once: in the kernel.
package shaders

import (
	"embed"
	"regexp"
	"strconv"
	"strings"

	"handful/core/fault"
)

//go:embed *.wgsl lib/*.wgsl
var files embed.FS

// Access tells how a kernel uses a binding.
type Access uint8

const (
	Uniform   Access = iota // the parameters, always binding 0
	ReadOnly                // var<storage, read>
	ReadWrite               // var<storage, read_write>
)

// Binding is one resource of a kernel, in group 0.
type Binding struct {
	Index  int
	Access Access
	Name   string
}

// Shader is an expanded kernel. Its entry point is main.
type Shader struct {
	Spec     string
	Source   string
	Bindings []Binding // in order of appearance
}

// Files lists the kernels' names.
func Files() []string {
	entries, _ := files.ReadDir(".")
	var names []string
	for _, e := range entries {
		if n, ok := strings.CutSuffix(e.Name(), ".wgsl"); ok {
			names = append(names, n)
		}
	}
	return names
}

// Expand carries out a spec. Faults are Bugs: specs are written by this
// program, never by its users.
func Expand(spec string) (s Shader, err error) {
	defer fault.Recover("shaders", &err)
	words := strings.Fields(spec)
	if len(words) == 0 {
		return s, fault.New(fault.Bug, "shaders", "empty spec")
	}
	x := expander{vars: map[string]string{}}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		x.vars[k] = v
	}
	x.file(words[0] + ".wgsl")
	s = Shader{Spec: spec, Source: x.out.String()}
	for _, m := range bindings.FindAllStringSubmatch(s.Source, -1) {
		i, _ := strconv.Atoi(m[1])
		s.Bindings = append(s.Bindings, Binding{i, access[strings.ReplaceAll(m[2], " ", "")], m[3]})
	}
	return s, nil
}

var (
	bindings  = regexp.MustCompile(`@group\(0\) @binding\((\d+)\) var<([a-z_, ]+)> (\w+)`)
	access    = map[string]Access{"uniform": Uniform, "storage,read": ReadOnly, "storage,read_write": ReadWrite}
	variables = regexp.MustCompile(`\$\{(\w+)\}`)
)

type expander struct {
	vars map[string]string
	out  strings.Builder
}

func (x *expander) file(path string) {
	b, err := files.ReadFile(path)
	if err != nil {
		panic(fault.New(fault.Bug, "shaders", "no kernel file %s", path))
	}
	x.lines(path, strings.Split(strings.TrimRight(string(b), "\n"), "\n"))
}

func (x *expander) lines(path string, lines []string) {
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		d, ok := strings.CutPrefix(strings.TrimSpace(line), "//!")
		if !ok {
			x.out.WriteString(x.replace(path, line) + "\n")
			continue
		}
		f := strings.Fields(x.replace(path, d))
		switch {
		case len(f) == 2 && f[0] == "include":
			x.file("lib/" + f[1] + ".wgsl")
		case len(f) == 2 && f[0] == "if":
			yes, no, end := branches(path, lines, i)
			if x.holds(f[1]) {
				x.lines(path, yes)
			} else {
				x.lines(path, no)
			}
			i = end
		case len(f) == 3 && f[0] == "repeat":
			n, err := strconv.Atoi(f[2])
			if err != nil {
				panic(fault.New(fault.Bug, "shaders", "%s: %q repeats no number of times", path, line))
			}
			body, _, end := branches(path, lines, i)
			for k := range n {
				x.vars[f[1]] = strconv.Itoa(k)
				x.lines(path, body)
			}
			delete(x.vars, f[1])
			i = end
		default:
			panic(fault.New(fault.Bug, "shaders", "%s: unknown directive %q", path, line))
		}
	}
}

// branches finds the lines of the block that opens at lines[at]: before and
// after its else, and the index of its end.
func branches(path string, lines []string, at int) (yes, no []string, end int) {
	depth, other := 0, -1
	for i := at + 1; i < len(lines); i++ {
		switch t := strings.TrimSpace(lines[i]); {
		case strings.HasPrefix(t, "//!if"), strings.HasPrefix(t, "//!repeat"):
			depth++
		case t == "//!else" && depth == 0:
			other = i
		case t == "//!end" && depth > 0:
			depth--
		case t == "//!end" && other < 0:
			return lines[at+1 : i], nil, i
		case t == "//!end":
			return lines[at+1 : other], lines[other+1 : i], i
		}
	}
	panic(fault.New(fault.Bug, "shaders", "%s: %q has no end", path, lines[at]))
}

func (x *expander) holds(cond string) bool {
	k, want, exact := strings.Cut(cond, "=")
	v, set := x.vars[k]
	return set && (!exact || v == want)
}

func (x *expander) replace(path, s string) string {
	return variables.ReplaceAllStringFunc(s, func(m string) string {
		v, ok := x.vars[m[2:len(m)-1]]
		if !ok {
			panic(fault.New(fault.Bug, "shaders", "%s: %s is not set", path, m))
		}
		return v
	})
}
