package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// tapLine is a result in the Test Anything Protocol.
var tapLine = regexp.MustCompile(`^\s*(not )?ok \d+ (?:- )?(.*?)(?: # (SKIP|TODO)\b\s*(.*))?$`)

// tapSuite runs a program that prints the Test Anything Protocol.
func tapSuite(name, dir string, args func() []string) suite {
	return suite{name: name, run: func(ctx context.Context, r *result) { runTAP(ctx, dir, args(), r) }}
}

func runTAP(ctx context.Context, dir string, args []string, r *result) {
	cmd := command(ctx, args)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.fail("%s: %v", r.name, err)
		return
	}
	countTAP(out, os.Stdout, r)
	if err := cmd.Wait(); err != nil && (len(r.failed) == 0 || ctx.Err() != nil) {
		r.fail("%s: %v", r.name, err)
	} else if err == nil && r.passed+len(r.failed)+len(r.skipped) == 0 {
		r.fail("%s: no test ran", r.name)
	}
}

// twice runs tests; where one fails, all of them once more. What passes then
// counts as passed, and is printed as flaky.
func twice(ctx context.Context, r *result, run func(*result)) {
	one := &result{name: r.name}
	run(one)
	if len(one.failed) > 0 && ctx.Err() == nil {
		again := &result{name: r.name}
		run(again)
		for _, name := range one.failed {
			if !slices.Contains(again.failed, name) {
				again.flaky = append(again.flaky, name)
			}
		}
		one = again
	}
	r.add(one)
}

// countTAP reads results into r; it prints them, and the details of failures.
func countTAP(in io.Reader, w io.Writer, r *result) {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 16<<20)
	broken := false // the lines that follow belong to a failure
	for sc.Scan() {
		m := tapLine.FindStringSubmatch(sc.Text())
		if m == nil {
			if broken || strings.HasPrefix(sc.Text(), "Bail out!") {
				fmt.Fprintln(w, sc.Text())
			}
			continue
		}
		name := strings.TrimSpace(m[2])
		broken = m[1] != "" && m[3] == ""
		switch {
		case broken:
			r.tell(r.file+" "+name, "fail")
			r.fail("%s: %s", r.name, name)
			fmt.Fprintf(w, "   FAILED %s\n", name)
		case m[3] != "":
			r.tell(r.file+" "+name, "skip")
			r.skip("%s: %s: %s", r.name, name, m[4])
		default:
			r.tell(r.file+" "+name, "pass")
			r.passed++
			fmt.Fprintf(w, "   ok %s\n", name)
		}
	}
	if err := sc.Err(); err != nil {
		r.fail("%s: reading results: %v", r.name, err)
	}
}
