package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePageIsOfTheTests(t *testing.T) {
	want, err := write("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what `go run ./cmd/reliability` writes", page)
	}
	if n := strings.Count(want, "\n| "); n != 45+1 {
		t.Errorf("%d rows, want 45", n-1)
	}
}

func TestAMissingTestIsAnError(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":              "package a\n\nfunc TestFault01Here(t *testing.T) {}\nfunc TestFault77(t *testing.T) {}\n",
		"e2e/b.test.mjs":         "test('faults 02, 03: both', async () => {});\n  test(`fault 04: four`, () => {});\ntest('not fault 05: here')\n",
		"node_modules/c_test.go": "package c\nfunc TestFault06(t *testing.T) {}\n",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := write(dir)
	if err == nil {
		t.Fatal("nothing is missing")
	}
	said := err.Error()
	for _, n := range []string{"01", "02", "03", "04"} {
		if strings.Contains(said, "fault "+n+" ") {
			t.Errorf("fault %s has a test: %s", n, said)
		}
	}
	for _, want := range []string{"fault 05 (Device lost", "fault 06 (", "fault 45 (", "no fault 77, that . `TestFault77` is of"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
}

func TestTheLastResults(t *testing.T) {
	r := results{Tests: map[string]string{
		"handful/a.TestFault01X": "pass", "handful/a.TestFault01X/sub": "skip", "handful/a.TestFault01XY": "fail", "handful/b.TestFault01Z": "fail",
		"e2e/b.test.mjs faults 02, 03: both": "pass", "e2e/b.test.mjs fault 03: more": "fail", "e2e/b.test.mjs fault 04: none": "skip",
	}}
	js := []string{"e2e/b.test.mjs"}
	for _, c := range []struct {
		n     int
		tests []string
		want  string
	}{
		{1, []string{"a `TestFault01X`"}, "passed"}, {1, []string{"a `TestFault01X`", "b `TestFault01Z`"}, "1 of 2 failed"}, {1, []string{"a `TestFault01X`", "c `TestFault01`"}, "1 of 2 passed"},
		{2, js, "passed"}, {3, js, "1 of 1 failed"}, {4, js, "not run"}, {5, js, "not run"},
	} {
		if got := r.of(c.n, c.tests); got != c.want {
			t.Errorf("fault %d by %q: got %s, want %s", c.n, c.tests, got, c.want)
		}
	}
}
