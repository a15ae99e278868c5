// Suite runs the repository's tests and counts them:
//
//	go run ./cmd/suite check | quick | all
//
// A suite that cannot run, and a test that skips itself, is printed with its
// reason and counted; nothing is passed over in silence. The last line is
// "N passed, N failed, N skipped"; the exit status is 1 if anything failed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"time"
)

// suite is a named part of the tests.
type suite struct {
	name  string
	needs func() string // why it can't run here, "" when it can; may be nil
	run   func(context.Context, *result)
}

// limits are for all of a mode's suites together: several times what they take,
// so that what hangs is a failure with a name.
var limits = map[string]time.Duration{"check": 20 * time.Minute, "quick": 45 * time.Minute, "all": 3 * time.Hour}

// result counts what a suite did.
type result struct {
	name    string
	passed  int
	failed  []string // names of tests
	skipped []string // names and reasons
	flaky   []string // failed once, passed when run again
	took    time.Duration

	file   string            // of what is running, where its tests do not name it
	faults map[string]string // what became of tests of numbered faults: pass, fail or skip
}

// faultName are tests that cmd/reliability lists.
var faultName = regexp.MustCompile(`TestFault\d\d|faults? \d\d`)

// tell notes what became of a test, if it is one of a numbered fault; where it
// ran several times it has passed if it passed once and never failed.
func (r *result) tell(name, outcome string) {
	if !faultName.MatchString(name) {
		return
	}
	if r.faults == nil {
		r.faults = map[string]string{}
	}
	if old := r.faults[name]; old == "" || outcome == "fail" || outcome == "pass" && old == "skip" {
		r.faults[name] = outcome
	}
}

func (r *result) fail(format string, args ...any) {
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

// add takes in what another did.
func (r *result) add(o *result) {
	r.passed += o.passed
	r.failed = append(r.failed, o.failed...)
	r.skipped = append(r.skipped, o.skipped...)
	r.flaky = append(r.flaky, o.flaky...)
	for name, outcome := range o.faults {
		r.tell(name, outcome)
	}
}

func (r *result) skip(format string, args ...any) {
	r.skipped = append(r.skipped, fmt.Sprintf(format, args...))
}

func main() {
	mode := "quick"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	suites := plan(mode)
	if len(os.Args) > 2 || suites == nil {
		fmt.Fprintln(os.Stderr, "usage: suite check|quick|all")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, done := context.WithTimeout(ctx, limits[mode])
	defer done()
	if mode == "all" {
		os.Setenv("HANDFUL_SLOW", "1") // tests that take long look at it
	}
	if !runAll(ctx, os.Stdout, suites) {
		os.Exit(1)
	}
}

// runAll runs suites one after the other and reports; true when none failed.
func runAll(ctx context.Context, w io.Writer, suites []suite) bool {
	begin := time.Now()
	var results []*result
	for _, s := range suites {
		r := &result{name: s.name}
		results = append(results, r)
		fmt.Fprintf(w, "── %s\n", s.name)
		s.runInto(ctx, r)
	}
	if err := record(".cache/faults.json", results); err != nil {
		fmt.Fprintln(w, err)
	}
	return summary(w, results, time.Since(begin))
}

func (s suite) runInto(ctx context.Context, r *result) {
	start := time.Now()
	why := ""
	if s.needs != nil {
		why = s.needs()
	}
	switch {
	case ctx.Err() != nil:
		r.fail("%s: %v", s.name, context.Cause(ctx))
	case why != "":
		r.skip("%s: %s", s.name, why)
	default:
		s.run(ctx, r)
	}
	r.took = time.Since(start)
}

// summary prints the table, the skipped, the failed and the closing line.
func summary(w io.Writer, results []*result, took time.Duration) bool {
	var passed, failed, skipped, flaky int
	fmt.Fprintf(w, "\n%-12s %8s %8s %8s %9s\n", "suite", "passed", "failed", "skipped", "seconds")
	for _, r := range results {
		fmt.Fprintf(w, "%-12s %8d %8d %8d %9.1f\n", r.name, r.passed, len(r.failed), len(r.skipped), r.took.Seconds())
		passed, failed, skipped = passed+r.passed, failed+len(r.failed), skipped+len(r.skipped)
		flaky += len(r.flaky)
	}
	fmt.Fprintf(w, "%-12s %8d %8d %8d %9.1f\n\n", "all", passed, failed, skipped, took.Seconds())
	for _, r := range results {
		for _, s := range r.skipped {
			fmt.Fprintln(w, "SKIPPED", s)
		}
	}
	for _, r := range results {
		for _, s := range r.flaky {
			fmt.Fprintln(w, "FLAKY", s, "(failed once, passed when run again)")
		}
	}
	for _, r := range results {
		for _, s := range r.failed {
			fmt.Fprintln(w, "FAILED", s)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped", passed, failed, skipped)
	if flaky > 0 {
		fmt.Fprintf(w, ", %d flaky", flaky)
	}
	fmt.Fprintln(w)
	return failed == 0
}

// step is a command whose exit status is the test.
type step struct {
	name string
	env  []string
	args []string
}

// command is interrupted at the context's end, so that it can end what it has
// started, and killed if that takes long.
func command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// do runs a command and gives its output.
func do(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := command(ctx, args)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// steps is a suite of commands.
func steps(name string, list ...step) suite {
	return suite{name: name, run: func(ctx context.Context, r *result) {
		for _, s := range list {
			start := time.Now()
			out, err := do(ctx, s.env, s.args...)
			if err != nil {
				r.fail("%s: %s: %v", name, s.name, err)
				fmt.Printf("   FAILED %s (%v)\n%s", s.name, err, out)
				continue
			}
			r.passed++
			fmt.Printf("   ok %s (%.1f s)\n", s.name, time.Since(start).Seconds())
		}
	}}
}

// have tells why a program can't be used.
func have(program string) func() string {
	return func() string {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
		return ""
	}
}

// exists tells that a file is missing, and what would make it.
func exists(path, hint string) func() string {
	return func() string {
		if _, err := os.Stat(path); err != nil {
			return path + " is missing: " + hint
		}
		return ""
	}
}

// first joins reasons: the first that is not empty. nil is none.
func first(fs ...func() string) func() string {
	return func() string {
		for _, f := range fs {
			if f == nil {
				continue
			}
			if why := f(); why != "" {
				return why
			}
		}
		return ""
	}
}

func lines(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") }
