package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// audits look at the code and at what it depends on.
var audits = []step{
	{name: "staticcheck", args: goTool("run", "honnef.co/go/tools/cmd/staticcheck@v0.8.2", "./...")},
	{name: "staticcheck (js/wasm)", args: shell("go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 && GOOS=js GOARCH=wasm \"$(go env GOPATH)/bin/staticcheck\" ./...")},
	{name: "govulncheck", args: goTool("run", "golang.org/x/vuln/cmd/govulncheck@v1.9.0", "./...")},
	{name: "npm audit", args: shell("cd e2e && npm audit --omit=optional")},
}

// unreached is in the output of an audit whose tool or list of known faults
// can't be had on this network.
var unreached = regexp.MustCompile(`no such host|dial tcp|i/o timeout|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|audit endpoint returned an error|npm: not found`)

// audit runs them; one that can't reach what it needs is skipped.
func audit(ctx context.Context, r *result) {
	for _, s := range audits {
		out, err := do(ctx, s.env, s.args...)
		switch {
		case err == nil:
			r.passed++
			fmt.Printf("   ok %s\n", s.name)
		case unreached.MatchString(out):
			r.skip("audit: %s: %s", s.name, line(unreached, out))
		default:
			r.fail("audit: %s: %v", s.name, err)
			fmt.Printf("   FAILED %s (%v)\n%s", s.name, err, out)
		}
	}
}

// line is the first line that matches.
func line(re *regexp.Regexp, out string) string {
	for _, l := range lines(out) {
		if re.MatchString(l) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}
