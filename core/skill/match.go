package skill

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"handful/core/fault"
)

const (
	longestPattern = 4096 // bytes; PEFT's own examples are below 100
	longestMatch   = 200 * time.Millisecond
)

// A Matcher tells which modules target_modules name, as PEFT does
// (tuners_utils.py, check_target_module_exists): those whose path ends in one
// of the names, in whole parts, or those whose whole path one regular
// expression matches.
type Matcher struct {
	names   []string
	linear  *regexp.Regexp  // the pattern, where this engine knows all of it: it takes time in proportion
	pattern *regexp2.Regexp // the pattern, where it doesn't
	source  string          // of the pattern
}

// NewMatcher reads target_modules; with regex, targets[0] is a pattern of
// Python's re. One with lookaround or back-references goes to an engine that
// backtracks as Python does, so each match has a time limit. In the browser,
// where nothing can interrupt a Worker but its end, the page's Stop ends it.
func NewMatcher(targets []string, regex bool) (*Matcher, error) {
	if !regex {
		return &Matcher{names: targets}, nil
	}
	p := targets[0]
	if len(p) > longestPattern {
		return nil, fault.Inputf("targets", "a regex of %d bytes, want at most %d", len(p), longestPattern).Next("list the modules' names")
	}
	if _, err := regexp.Compile(p); err == nil { // alone: a)(b would be mended by the brackets
		if re, err := regexp.Compile(whole(p)); err == nil {
			return &Matcher{linear: re, source: p}, nil
		}
	}
	re, err := compile(p)
	if err != nil {
		return nil, fault.Inputf("targets", "regex %.120q: %w", p, err).Next("write it as Python's re does, or list the modules' names")
	}
	re.MatchTimeout = longestMatch
	return &Matcher{pattern: re, source: p}, nil
}

// whole makes a pattern that holds for a whole name (re.fullmatch).
func whole(p string) string { return `\A(?:` + p + `)\z` }

// compile reads a pattern with Python's (?P<name>…). The engine may panic on
// what it can't parse.
func compile(p string) (re *regexp2.Regexp, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it cannot be parsed")
		}
	}()
	if _, err := regexp2.Compile(p, regexp2.RE2); err != nil {
		return nil, err
	}
	return regexp2.Compile(whole(p), regexp2.RE2)
}

// Match tells whether a module is named. The fault is a pattern that takes too
// long.
func (m *Matcher) Match(name string) (bool, error) {
	switch {
	case m.linear != nil:
		return m.linear.MatchString(name), nil
	case m.pattern != nil:
		ok, err := m.pattern.MatchString(name)
		if err != nil {
			return false, fault.Inputf("targets", "regex %.120q takes more than %v on %.120q", m.source, longestMatch, name).Next("write it without repeats inside repeats, or list the modules' names")
		}
		return ok, nil
	}
	for _, t := range m.names {
		if name == t || strings.HasSuffix(name, "."+t) {
			return true, nil
		}
	}
	return false, nil
}
