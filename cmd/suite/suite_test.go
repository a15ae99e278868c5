package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCountGo(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB/one"}
{"Action":"output","Package":"p","Test":"TestB/two","Output":"    b_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestB/two"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:7: needs a GPU: none\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
{"Action":"build-output","ImportPath":"q","Output":"q.go:3: undefined: x\n"}
{"Action":"output","Package":"q","Output":"FAIL\tq [build failed]\n"}
{"Action":"fail","Package":"q"}
{"Action":"skip","Package":"r"}
`
	var out strings.Builder
	r := &result{name: "go"}
	countGo(strings.NewReader(in), &out, r)
	if r.passed != 2 || len(r.failed) != 2 || len(r.skipped) != 1 {
		t.Fatalf("got %d passed, failed %q, skipped %q; want 2, 2 and 1", r.passed, r.failed, r.skipped)
	}
	if got := strings.Join(r.failed, "; "); got != "q; p.TestB/two (go)" {
		t.Errorf("failed: got %q", got)
	}
	if r.skipped[0] != "p.TestC (go): needs a GPU: none" {
		t.Errorf("skipped: got %q", r.skipped[0])
	}
	for _, want := range []string{"got 1, want 2", "undefined: x"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestCountTAP(t *testing.T) {
	in := `TAP version 13
# Subtest: outer
    ok 1 - inner
ok 1 - outer
not ok 2 - loss falls
  ---
  error: 'got 3, want 2'
  ...
ok 3 - on a GPU # SKIP no Chromium
not ok 4 - later # TODO
1..4
`
	var out strings.Builder
	r := &result{name: "browser"}
	countTAP(strings.NewReader(in), &out, r)
	if r.passed != 2 || len(r.failed) != 1 || len(r.skipped) != 2 {
		t.Fatalf("got %d passed, failed %q, skipped %q; want 2, 1 and 2", r.passed, r.failed, r.skipped)
	}
	if r.skipped[0] != "browser: on a GPU: no Chromium" || !strings.Contains(out.String(), "got 3, want 2") {
		t.Errorf("got %q and\n%s", r.skipped[0], out.String())
	}
}

func TestRunAllCountsWhatCannotRun(t *testing.T) {
	var out strings.Builder
	ok := runAll(context.Background(), &out, []suite{
		steps("steps", step{name: "true", args: []string{"go", "version"}}),
		{name: "counts", run: func(_ context.Context, r *result) { r.passed++ }},
		{name: "far", needs: exists("no/such/file", "make it"), run: func(context.Context, *result) { t.Error("ran") }},
	})
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := got[len(got)-1]; !ok || last != "2 passed, 0 failed, 1 skipped" {
		t.Errorf("got %v and %q", ok, last)
	}
	if !strings.Contains(out.String(), "SKIPPED far: no/such/file is missing: make it") {
		t.Errorf("no reason in\n%s", out.String())
	}
	if runAll(context.Background(), &out, []suite{steps("bad", step{name: "fails", args: []string{"go", "no-such-command"}})}) {
		t.Error("a failed step counts as passed")
	}
	if plan("nonsense") != nil {
		t.Error("an unknown mode has suites")
	}
}

func TestJUnit(t *testing.T) {
	r := &result{name: "p"}
	err := countJUnit(strings.NewReader(`<?xml version="1.0"?><testsuites><testsuite name="pytest">
		<testcase classname="a.b" name="one"/><testcase classname="a.b" name="two"><failure message="x">y</failure></testcase>
		<testcase classname="a" name="three"><skipped message="no torch"/></testcase><testcase classname="a" name="four"><error message="e"/></testcase>
		</testsuite></testsuites>`), r)
	if err != nil || r.passed != 1 || !slices.Equal(r.failed, []string{"p: a.b.two", "p: a.four"}) || !slices.Equal(r.skipped, []string{"p: a.three: no torch"}) {
		t.Errorf("%+v %v", r, err)
	}
	if countJUnit(strings.NewReader("<html>"), r) == nil {
		t.Error("what is no report is read")
	}
}

func TestTwice(t *testing.T) {
	run := func(outcomes ...string) *result {
		r := &result{name: "browser", passed: 1}
		twice(context.Background(), r, func(r *result) {
			countTAP(strings.NewReader(outcomes[0]), io.Discard, r)
			outcomes = outcomes[1:]
		})
		return r
	}
	good, bad := "ok 1 - a\nok 2 - b\n", "not ok 1 - a\nok 2 - b\n"
	if r := run(good); r.passed != 3 || r.failed != nil || r.flaky != nil {
		t.Errorf("passed at once: got %+v", r)
	}
	if r := run(bad, good); r.passed != 3 || r.failed != nil || !slices.Equal(r.flaky, []string{"browser: a"}) {
		t.Errorf("passed at the second time: got %+v", r)
	}
	if r := run(bad, bad); r.passed != 2 || !slices.Equal(r.failed, []string{"browser: a"}) || r.flaky != nil {
		t.Errorf("failed twice: got %+v", r)
	}
	var out strings.Builder
	if !summary(&out, []*result{run(bad, good)}, 0) || !strings.HasSuffix(out.String(), "FLAKY browser: a (failed once, passed when run again)\n3 passed, 0 failed, 0 skipped, 1 flaky\n") {
		t.Errorf("got\n%s", out.String())
	}
}

// Every suite of every mode tells what it needs, whatever the machine has.
func TestSuitesTellWhatTheyNeed(t *testing.T) {
	for _, slow := range []string{"", "1"} {
		t.Setenv("HANDFUL_SLOW", slow)
		for _, mode := range []string{"check", "quick", "all"} {
			suites := plan(mode)
			if len(suites) == 0 {
				t.Errorf("%s has no suites", mode)
			}
			for _, s := range suites {
				if s.needs != nil {
					_ = s.needs()
				}
			}
		}
	}
}
