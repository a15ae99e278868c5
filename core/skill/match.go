package skill

import (
	"errors"
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
	pattern *regexp2.Regexp // nil with names
	source  string          // of the pattern
}

// NewMatcher reads target_modules; with regex, targets[0] is a pattern of
// Python's re. The engine knows lookaround as Python does and backtracks as
// Python does, so each match has a time limit. In the browser, where nothing
// can interrupt a Worker but its end, the page's Stop ends it.
func NewMatcher(targets []string, regex bool) (*Matcher, error) {
	if !regex {
		return &Matcher{names: targets}, nil
	}
	p := targets[0]
	if len(p) > longestPattern {
		return nil, fault.Inputf("targets", "a regex of %d bytes, want at most %d", len(p), longestPattern).Next("list the modules' names")
	}
	re, err := compile(p)
	if err != nil {
		return nil, fault.Inputf("targets", "regex %.120q: %w", p, err).Next("write it as Python's re does, or list the modules' names")
	}
	re.MatchTimeout = longestMatch
	return &Matcher{pattern: re, source: p}, nil
}

// compile makes a pattern that holds for a whole name (re.fullmatch), with
// Python's (?P<name>…). The engine may panic on what it can't parse.
func compile(p string) (re *regexp2.Regexp, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it cannot be parsed")
		}
	}()
	if _, err := regexp2.Compile(p, regexp2.RE2); err != nil {
		return nil, err // also what only brackets around it would mend: a)(b
	}
	return regexp2.Compile(`\A(?:`+p+`)\z`, regexp2.RE2)
}

// Match tells whether a module is named. The fault is a pattern that takes too
// long.
func (m *Matcher) Match(name string) (bool, error) {
	if m.pattern != nil {
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
