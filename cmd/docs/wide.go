package main

import (
	"fmt"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// wide renders what may be wider than a phone, tables and code, so that it
// scrolls by itself and by the keyboard. Cells are aligned by a class, since the
// page's policy allows no style in an element; a head without words is none.
type wide struct{}

func (wide) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(extast.KindTable, around("<div class=\"scroll whole\" tabindex=\"0\" role=\"group\" aria-label=\"Table\">\n<table>\n", "</table>\n</div>\n"))
	r.Register(extast.KindTableHeader, header)
	r.Register(extast.KindTableRow, around("<tr>\n", "</tr>\n"))
	r.Register(extast.KindTableCell, cell)
	r.Register(ast.KindCodeBlock, code)
	r.Register(ast.KindFencedCodeBlock, code)
}

func around(before, after string) renderer.NodeRendererFunc {
	return func(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			w.WriteString(before)
		} else {
			w.WriteString(after)
		}
		return ast.WalkContinue, nil
	}
}

func header(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	said := false
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		said = said || c.HasChildren()
	}
	if !said {
		return ast.WalkSkipChildren, nil
	}
	return around("<thead>\n<tr>\n", "</tr>\n</thead>\n")(w, source, n, entering)
}

func cell(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "td"
	if n.Parent().Kind() == extast.KindTableHeader && n.HasChildren() {
		tag = "th"
	}
	switch a := n.(*extast.TableCell).Alignment; {
	case !entering:
		fmt.Fprintf(w, "</%s>\n", tag)
	case a == extast.AlignNone:
		fmt.Fprintf(w, "<%s>", tag)
	default:
		fmt.Fprintf(w, "<%s class=\"to-%s\">", tag, a)
	}
	return ast.WalkContinue, nil
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		fmt.Fprintf(w, "<pre tabindex=\"0\"><code>%s</code></pre>\n", util.EscapeHTML(n.Lines().Value(source)))
	}
	return ast.WalkContinue, nil
}
