package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// page is a file of Markdown, the name of what is made of it, and what lists
// of pages call it.
type page struct{ Source, Name, Title string }

// pages are all, in the order of the list that stands on each.
var pages = []page{
	{"README.md", "index.html", "Quick start"},
	{"docs/page.md", "page.html", "The page"},
	{"docs/js.md", "js.html", "JavaScript"},
	{"docs/notebooks.md", "notebooks.html", "Python"},
	{"docs/go.md", "go.html", "Go"},
	{"examples/README.md", "examples.html", "Examples"},
	{"docs/formats.md", "formats.html", "Files in and out"},
	{"docs/method.md", "method.html", "The method"},
	{"docs/hosting.md", "hosting.html", "Hosting"},
	{"docs/security.md", "security.html", "Privacy and security"},
	{"docs/results.md", "results.html", "Results"},
	{"docs/performance.md", "performance.html", "Performance"},
	{"docs/reliability.md", "reliability.html", "Reliability"},
	{"docs/developing.md", "developing.html", "Working on it"},
	{"FEATURES.md", "features.html", "What works today"},
	{"CHANGELOG.md", "changes.html", "Changes"},
}

//go:embed docs.css
var style []byte

//go:embed page.html
var frame string

var layout = template.Must(template.New("page").Parse(frame))

// heading is a section of a page.
type heading struct{ ID, Title string }

// build gives the files of the documentation by their paths in its folder: a
// page each, the style, and what pages show or link to below docs.
func build(repo fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{"docs.css": style}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(html.WithUnsafe(), // the text is ours; tables have <br>
			renderer.WithNodeRenderers(util.Prioritized(wide{}, 100))))
	for _, p := range pages {
		source, err := fs.ReadFile(repo, p.Source)
		if err != nil {
			return nil, err
		}
		doc := md.Parser().Parse(text.NewReader(source))
		if err := (&links{repo, p.Source, files}).resolve(doc); err != nil {
			return nil, err
		}
		var body, out bytes.Buffer
		if err := md.Renderer().Render(&body, source, doc); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Source, err)
		}
		err = layout.Execute(&out, struct {
			page
			Pages    []page
			Sections []heading
			Body     template.HTML
		}{p, pages, sections(doc, source), template.HTML(body.String())})
		if err != nil {
			return nil, err
		}
		files[p.Name] = out.Bytes()
	}
	return files, nil
}

// sections are a page's headings of the second order.
func sections(doc ast.Node, source []byte) (out []heading) {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 {
			id, _ := h.AttributeString("id")
			out = append(out, heading{string(id.([]byte)), strings.ReplaceAll(string(h.Lines().Value(source)), "`", "")})
		}
	}
	return out
}
