// Command trim takes the indentation of the templates out of the Go that
// vugugen made of them: half of all nodes would be blank text between elements
// that lie in a block or a grid, where it shows nothing and costs time with
// every render.
//
// The first blank of an element stays: Vugu removes a child that is gone only
// from an element that still has another, and where there is none trim says
// so. A blank without a new line stays too, for it parts words.
//
// Nodes are attached by a function that is not inlined, which alone makes the
// page's program 4% smaller.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
)

// What the generated lines do: node makes a blank, added attaches a node, first
// comes before an element's first child, maybe begins a child that can go.
var (
	node  = regexp.MustCompile(`^\s*vgn = &vugu\.VGNode\{Type: vugu\.VGNodeType\(1\), Data: "\\n *"\}$`)
	first = regexp.MustCompile(`^\s*_ = vgparent$`)
	maybe = regexp.MustCompile(`^\s*(if|for) `)
	added = regexp.MustCompile(`^\s*vgparent\.AppendChild\(vgn\)$`)
)

// trim removes the two lines that make and attach a blank, and has the others
// attached by attach.
func trim(src []byte) ([]byte, error) {
	lines := bytes.SplitAfter(src, []byte("\n"))
	bare := func(i int) []byte { return bytes.TrimRight(lines[i], "\n") }
	var out []byte
	for i := 0; i < len(lines); i++ {
		if i > 0 && first.Match(bare(i-1)) && maybe.Match(bare(i)) {
			return nil, fmt.Errorf("line %d: an element's first child may go, and would stay on the page; put it on a line of its own in the template", i+1)
		}
		if i > 0 && i+1 < len(lines) && node.Match(bare(i)) && added.Match(bare(i+1)) && !first.Match(bare(i-1)) {
			i++
			continue
		}
		out = append(out, lines[i]...)
	}
	return bytes.ReplaceAll(out, []byte("vgparent.AppendChild(vgn)"), []byte("attach(vgparent, vgn)")), nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: trim FOLDER")
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*_gen.go"))
	if err != nil || len(files) == 0 {
		log.Fatalf("trim: no *_gen.go in %s", os.Args[1])
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			log.Fatalf("trim: %v", err)
		}
		out, err := trim(src)
		if err != nil {
			log.Fatalf("trim: %s: %v", f, err)
		}
		if err := os.WriteFile(f, out, 0o644); err != nil {
			log.Fatalf("trim: %v", err)
		}
	}
}
