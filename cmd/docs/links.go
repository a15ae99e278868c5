package main

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// beside are files that the site has at its root.
var beside = []string{"LICENSE", "THIRD_PARTY.md"}

// links turns a source's links and pictures into those of its page. What they
// name below docs goes into files.
type links struct {
	repo   fs.FS
	source string
	files  map[string][]byte
}

// resolve rewrites all links of a document. A folder has no page: such a link
// becomes its text.
func (l *links) resolve(doc ast.Node) error {
	var folders []*ast.Link
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		var to *[]byte
		switch n := n.(type) {
		case *ast.Link:
			to = &n.Destination
		case *ast.Image:
			to = &n.Destination
		}
		if !entering || to == nil {
			return ast.WalkContinue, nil
		}
		address, err := l.address(string(*to))
		if err != nil {
			return ast.WalkStop, err
		}
		if link, ok := n.(*ast.Link); ok && address == "" {
			folders = append(folders, link)
		}
		*to = []byte(address)
		return ast.WalkContinue, nil
	})
	for _, link := range folders {
		for link.ChildCount() > 0 {
			link.Parent().InsertBefore(link.Parent(), link, link.FirstChild())
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
	return err
}

// address is what a page calls the target of a link in its source; "" for a
// folder.
func (l *links) address(to string) (string, error) {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: a link to %s: %w", l.source, to, err)
	case u.Scheme == "https", u.Scheme == "" && u.Path == "":
		return to, nil // elsewhere, or on the same page
	case u.Scheme != "":
		return "", fmt.Errorf("%s: a link to %s: got %s, want https or a file of the repository", l.source, to, u.Scheme)
	}
	file := path.Join(path.Dir(l.source), u.Path)
	if i := slices.IndexFunc(pages, func(p page) bool { return p.Source == file }); i >= 0 {
		u.Path = pages[i].Name
		return u.String(), nil
	}
	if slices.Contains(beside, file) {
		return "../" + file, nil
	}
	info, err := fs.Stat(l.repo, file)
	if err != nil {
		return "", fmt.Errorf("%s: a link to %s: %w", l.source, to, err)
	}
	if info.IsDir() {
		return "", nil
	}
	name, below := strings.CutPrefix(file, "docs/")
	if !below {
		return "", fmt.Errorf("%s: a link to %s, which the site does not have; link to a page, or lay it below docs", l.source, to)
	}
	l.files[name], err = fs.ReadFile(l.repo, file)
	return name, err
}
