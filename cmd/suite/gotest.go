package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

// goSuite runs Go tests and counts each test and subtest that has none below.
func goSuite(name string, env, flags []string, packages ...string) suite {
	return suite{name: name, run: func(ctx context.Context, r *result) {
		args := append([]string{"test", "-json", "-timeout", "15m"}, flags...)
		cmd := command(ctx, append(append([]string{"go"}, args...), packages...))
		cmd.Env = append(slim(os.Environ()), env...)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			r.fail("%s: go test: %v", name, err)
			return
		}
		countGo(out, os.Stdout, r)
		if err := cmd.Wait(); err != nil && (len(r.failed) == 0 || ctx.Err() != nil) {
			r.fail("%s: go test: %v", name, err)
		}
	}}
}

// slim keeps the environment that Go and Node want: what runs wasm under Node
// has little room for it.
func slim(env []string) (out []string) {
	for _, e := range env {
		for _, p := range []string{"PATH=", "HOME=", "TMPDIR=", "GO", "CGO_", "XDG_", "VK_", "HANDFUL_", "LANG=", "CHROMIUM="} {
			if strings.HasPrefix(e, p) {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

// countGo reads events into r and prints what failed and how long packages took.
func countGo(in io.Reader, w io.Writer, r *result) {
	output := map[string]*strings.Builder{} // by test, until it passes
	parents := map[string]bool{}
	failed := map[string]bool{} // packages with a failed test
	said := func(key string) string {
		if b := output[key]; b != nil {
			return b.String()
		}
		return ""
	}
	type outcome struct{ key, action, text string }
	var outcomes []outcome
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			fmt.Fprintf(w, "   %s\n", sc.Bytes())
			continue
		}
		key := e.Package
		if e.Test != "" {
			key += "." + e.Test
			if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
				parents[e.Package+"."+e.Test[:i]] = true
			}
		}
		switch e.Action {
		case "output":
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "skip", "fail":
			switch {
			case e.Test != "":
				outcomes = append(outcomes, outcome{key, e.Action, said(key)})
				if e.Action == "fail" {
					failed[e.Package] = true
					fmt.Fprint(w, said(key))
				}
			case e.Action == "fail" && !failed[e.Package]:
				r.fail("%s", e.Package) // did not build, or ended outside a test
				fmt.Fprint(w, said(key))
			case e.Action != "skip":
				fmt.Fprintf(w, "   %s %s (%.1f s)\n", map[bool]string{true: "ok", false: "FAILED"}[e.Action == "pass"], e.Package, e.Elapsed)
			}
			delete(output, key)
		}
	}
	if err := sc.Err(); err != nil {
		r.fail("%s: reading go test: %v", r.name, err)
	}
	for _, o := range outcomes {
		r.tell(o.key, o.action)
		switch {
		case parents[o.key]:
		case o.action == "pass":
			r.passed++
		case o.action == "fail":
			r.fail("%s (%s)", o.key, r.name)
		default:
			r.skip("%s (%s): %s", o.key, r.name, reason(o.text))
		}
	}
}

// reason is what a test said when it skipped itself: its text without the file
// and the line.
func reason(out string) string {
	for _, l := range lines(out) {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "===") || strings.HasPrefix(l, "---") {
			continue
		}
		if _, rest, ok := strings.Cut(l, ".go:"); ok {
			if _, why, ok := strings.Cut(rest, ": "); ok {
				return why
			}
		}
		return l
	}
	return "no reason given"
}
