package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func built(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := build(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var (
	targets = regexp.MustCompile(`\s(?:href|src)="([^"]*)"`)
	ids     = regexp.MustCompile(`\sid="([^"]*)"`)
)

// Every link and picture of every page is there: in the documentation, at the
// site's root, where scripts/site.sh lays the page's files, or elsewhere by https.
func TestEveryLinkAndPictureResolves(t *testing.T) {
	files := built(t)
	root := map[string]bool{"../index.html": true, "../LICENSE": true, "../THIRD_PARTY.md": true}
	assets, err := filepath.Glob("../../assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assets {
		root["../"+filepath.Base(a)] = true
	}
	local := 0
	for _, p := range pages {
		for _, m := range targets.FindAllSubmatch(files[p.Name], -1) {
			to, at, _ := strings.Cut(string(m[1]), "#")
			if strings.HasPrefix(to, "https://") || root[to] {
				continue
			}
			if to == "" {
				to = p.Name
			}
			b, ok := files[to]
			if !ok {
				t.Errorf("%s: no %s", p.Name, m[1])
			}
			if at != "" && !slices.ContainsFunc(ids.FindAllSubmatch(b, -1), func(id [][]byte) bool { return string(id[1]) == at }) {
				t.Errorf("%s: no place %s", p.Name, m[1])
			}
			local++
		}
	}
	if least := len(pages) * len(pages); local < least { // the list of pages on each
		t.Errorf("%d links, want at least %d", local, least)
	}
	for _, name := range []string{"screenshot.png", "screens/start-360-light.png", "results/few-shot-near-by-method.svg", "results/few-shot.jsonl"} {
		if len(files[name]) == 0 {
			t.Errorf("no %s", name)
		}
	}
}

func TestEachPageOfDocsIsListed(t *testing.T) {
	sources, err := fs.Glob(os.DirFS("../.."), "docs/*.md")
	if err != nil || len(sources) == 0 {
		t.Fatalf("%v: %v", sources, err)
	}
	for _, s := range sources {
		if !slices.ContainsFunc(pages, func(p page) bool { return p.Source == s }) {
			t.Errorf("%s is not in pages", s)
		}
	}
}

// What the policy of a page forbids would only be missing in a browser.
func TestPagesHaveNoCodeAndNoStyleInline(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)<script|<style|<iframe|<[a-z][^>]*\s(?:style|on\w+)=|javascript:`)
	for name, b := range built(t) {
		if path.Ext(name) == ".html" {
			if at := forbidden.Find(b); at != nil {
				t.Errorf("%s has %q", name, at)
			}
		}
	}
}

// repo is a repository with the text as its README.
func repo(readme string) fstest.MapFS {
	m := fstest.MapFS{"core/a.go": &fstest.MapFile{}, "docs/a.png": &fstest.MapFile{Data: []byte("png")}, "LICENSE": &fstest.MapFile{}}
	for _, p := range pages {
		m[p.Source] = &fstest.MapFile{Data: []byte("# T\n\n## Ärger `x`\n")}
	}
	m["README.md"] = &fstest.MapFile{Data: []byte(readme)}
	return m
}

func TestWhatBecomesOfText(t *testing.T) {
	for text, want := range map[string]string{
		"[a](docs/go.md#rger-x)":            `<a href="go.html#rger-x">a</a>`,
		"[a](LICENSE)":                      `<a href="../LICENSE">a</a>`,
		"![a](docs/a.png)":                  `<img src="a.png" alt="a">`,
		"[a `b`](core) c":                   "<p>a <code>b</code> c</p>",
		"[a](https://b.org/c)":              `<a href="https://b.org/c">a</a>`,
		"w = z[q,s] / (Σₛ z[q,s]), A_w B_w": "<p>w = z[q,s] / (Σₛ z[q,s]), A_w B_w</p>",
		"| | |\n|---|--:|\n| a | b<br>c |":  "<table>\n<tr>\n<td>a</td>\n<td class=\"to-right\">b<br>c</td>\n</tr>\n</table>",
		"| | x |\n|---|---|\n| a | b |":     "<thead>\n<tr>\n<td></td>\n<th>x</th>\n</tr>\n</thead>",
		"```sh\na <b>\n```":                 "<pre tabindex=\"0\"><code>a &lt;b&gt;\n</code></pre>",
		"## Two `words`":                    `<li><a href="#two-words">Two words</a></li>`,
	} {
		files, err := build(repo(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !strings.Contains(string(files["index.html"]), want) {
			t.Errorf("%s: no %s in\n%s", text, want, files["index.html"])
		}
	}
}

func TestLinksThatLeadNowhereAreFaults(t *testing.T) {
	for text, want := range map[string]string{
		"[a](docs/none.md)":      "README.md: a link to docs/none.md",
		"[a](core/a.go)":         "which the site does not have",
		"[a](http://b.org/)":     "want https",
		"![a](../outside.png)":   "../outside.png",
		"[a](javascript:void%0)": "javascript",
	} {
		if _, err := build(repo(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
