// Reliability writes docs/reliability.md: the faults that Handful is made to
// survive, what a person gets of each, and the tests that hold it to that.
//
//	go run ./cmd/reliability [-results .cache/faults.json]
//
// What became of the tests lately is in docs/reliability.json: the results that
// `make test` left, when they were last handed in. A fault without a test, and a
// test of a fault that there is not, is an error.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:generate go run . -C ../..

// mostReasons is how many faults may go without a test, each with a reason.
const mostReasons = 3

const (
	page = "docs/reliability.md"
	last = "docs/reliability.json"
)

const intro = `# Reliability

Written by ` + "`go run ./cmd/reliability`" + ` from its list of faults and the tests that bear their numbers. Don't edit this page.
What a fault says is one line: what was done, what was got and wanted, and the next step.

` + "`make test`" + ` runs every test below%s. Beside them random faults strike random operations of whole runs, natively and in
Chromium (core/engine/enginetest, e2e/survive.test.mjs: 60 runs there, 1,000 in ` + "`make test-all`" + `): each must end with the very adapter
that it would have had, or with a fault that says what to do and loses nothing. Sessions follow one another (24 there, 600 in
` + "`make test-all`" + `) without anything left behind, and a day in a hidden tab changes nothing (e2e/idle.test.mjs).

| | fault | what you get | tests | last result |
|---|---|---|---|---|
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("reliability: ")
	dir := flag.String("C", ".", "the repository")
	results := flag.String("results", "", "what `make test` wrote of it, to be taken into "+last)
	flag.Parse()
	root := *dir
	err := take(root, *results)
	var text string
	if err == nil {
		text, err = write(root)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, page), []byte(text), 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// write makes the page of the tests under root.
func write(root string) (string, error) {
	tests, err := find(root)
	if err != nil {
		return "", err
	}
	seen, err := readLast(root)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, intro, seen.when())
	var wrong []error
	reasons := 0
	for i, r := range rows {
		n := i + 1
		shown := strings.Join(tests[n], "<br>")
		if r.reason != "" {
			reasons++
			shown = strings.TrimPrefix(shown+"<br>"+r.reason, "<br>")
		} else if len(tests[n]) == 0 {
			wrong = append(wrong, fmt.Errorf("fault %02d (%s) has no test: name one TestFault%02d… or `fault %02d: …`", n, r.fault, n, n))
		}
		fmt.Fprintf(&out, "| %d | %s | %s | %s | %s |\n", n, r.fault, r.gets, shown, seen.of(n, tests[n]))
		delete(tests, n)
	}
	for n, of := range tests {
		wrong = append(wrong, fmt.Errorf("no fault %02d, that %s is of", n, of[0]))
	}
	if reasons > mostReasons {
		wrong = append(wrong, fmt.Errorf("%d faults go without a test, want at most %d", reasons, mostReasons))
	}
	return out.String(), errors.Join(wrong...)
}

var (
	goTest = regexp.MustCompile(`(?m)^func (TestFault(\d\d)\w*)\(t \*testing\.T\)`)
	jsTest = regexp.MustCompile("(?m)^\\s*test\\(['`]faults? (\\d\\d(?:, \\d\\d)*): ")
)

// find lists the tests of each fault, in the order of their files.
func find(root string) (map[int][]string, error) {
	tests := map[int][]string{}
	add := func(number, shown string) {
		n, _ := strconv.Atoi(number) // two digits
		if !slices.Contains(tests[n], shown) {
			tests[n] = append(tests[n], shown)
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "dist"):
			return fs.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			dir, _ := filepath.Rel(root, filepath.Dir(path))
			for _, m := range goTest.FindAllStringSubmatch(string(b), -1) {
				add(m[2], fmt.Sprintf("%s `%s`", filepath.ToSlash(dir), m[1]))
			}
		case strings.HasSuffix(name, ".test.mjs"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range jsTest.FindAllStringSubmatch(string(b), -1) {
				for _, n := range strings.Split(m[1], ", ") {
					add(n, "e2e/"+name)
				}
			}
		}
		return nil
	})
	return tests, err
}
