package main

import "testing"

func TestUnreached(t *testing.T) {
	out := "govulncheck: reading\ngovulncheck: fetching: dial tcp: lookup example.org: no such host\n"
	if got := line(unreached, out); got != "govulncheck: fetching: dial tcp: lookup example.org: no such host" {
		t.Errorf("got %q", got)
	}
	if found := "main.go:3:2: this value is never used (SA4006)\n"; unreached.MatchString(found) {
		t.Errorf("%q counts as not reached", found)
	}
}
