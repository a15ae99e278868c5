package skill

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

const site = "model.layers.0.self_attn.q_proj"

// TestMatch: what Python's re.fullmatch and PEFT's suffixes say of one name.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		targets []string
		regex   bool
		name    string
		want    bool
	}{
		{[]string{"k_proj", "q_proj"}, false, site, true},
		{[]string{"self_attn.q_proj"}, false, site, true},
		{[]string{site}, false, site, true},
		{[]string{"proj"}, false, site, false},
		{[]string{"_proj"}, false, site, false},
		{[]string{".*"}, false, site, false},
		{[]string{`.*\.[qv]_proj`}, true, site, true},
		{[]string{`.*\.[qv]`}, true, site, false},
		{[]string{`self_attn.*`}, true, site, false},
		{[]string{`.*q_proj|lm_head`}, true, site, true},
		{[]string{`.*q|.*q_proj`}, true, site, true},
		{[]string{`(?!.*lm_head).*proj`}, true, site, true},
		{[]string{`(?!.*lm_head).*`}, true, "lm_head", false},
		{[]string{`.*(?<!k)_proj`}, true, site, true},
		{[]string{`.*(?<!q)_proj`}, true, site, false},
		{[]string{`model\.layers\.(?P<n>\d+)\..*`}, true, site, true},
		{[]string{`.*\.([a-z])_proj.*\1`}, true, site, false},
		{[]string{`(?i).*Q_PROJ`}, true, site, true},
		{[]string{`.*q_proj$`}, true, site, true},
		{[]string{`.*q_proj`}, true, site + "\n", false},
		{[]string{`.*q_proj$`}, true, site + "\n", false},
	} {
		m, err := NewMatcher(c.targets, c.regex)
		if err != nil {
			t.Errorf("%q: %v", c.targets, err)
			continue
		}
		if got, err := m.Match(c.name); got != c.want || err != nil {
			t.Errorf("%q on %q: got %v, %v, want %v", c.targets, c.name, got, err, c.want)
		}
	}
}

// TestBadPattern: one clear fault, soon.
func TestBadPattern(t *testing.T) {
	for pattern, says := range map[string]string{
		"(":                        "regex",
		"[z-a]":                    "regex",
		"(?P<n":                    "regex",
		`\`:                        "regex",
		"*":                        "regex",
		"a)(b":                     "regex",
		"(?<=":                     "regex",
		"x{2,1}":                   "regex",
		`(?P=n)`:                   "regex",
		strings.Repeat("(", 1<<20): "1048576 bytes",
		strings.Repeat("(", 1000):  "regex",
		`(?!x)(([a-z._0-9]+)+)+!`:  "takes more than",
	} {
		if says == "takes more than" && runtime.GOOS == "js" {
			continue // nothing interrupts a computation there: e2e ends the engine instead
		}
		start := time.Now()
		m, err := NewMatcher([]string{pattern}, true)
		if err == nil {
			_, err = m.Match(site)
		}
		if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, want an Input fault saying %q", pattern, err, says)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%.40q: took %v", pattern, d)
		}
	}
}

// Repeats inside repeats take time in proportion where nothing looks around.
func TestLinearPattern(t *testing.T) {
	start := time.Now()
	m, err := NewMatcher([]string{`(.*)*(.*)*(.*)*(.*)*(.*)*(.*)*\d`}, true)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Match(strings.Repeat(site, 100)); ok || err != nil {
		t.Errorf("got %v, %v, want no match", ok, err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestFault30CheckSites: the fault is a table.
func TestFault30CheckSites(t *testing.T) {
	dims := map[string][2]int{"l.0.q": {4, 8}, "l.1.q": {4, 8}, "x": {1, 1}}
	base := map[string][2]int{"l.0.q": {4, 8}, "l.1.q": {4, 4}, "l.2.q": {4, 8}, "l.0.k": {4, 8}}
	err := CheckSites("inventory", []string{"l.0.q", "l.1.q", "x"}, dims, base, []string{`(?!.*k).*`}, true)
	if !fault.Is(err, fault.Input) {
		t.Fatalf("got %v", err)
	}
	for _, says := range []string{"3 of 4 sites", "l.1.q: got 4→8, want 4→4", "l.2.q: got nothing, want 4→8", "x: got 1→1, want no such site"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	delete(dims, "x")
	if err := CheckSites("inventory", []string{"l.0.q", "l.1.q"}, dims, map[string][2]int{"l.0.q": {4, 8}, "l.1.q": {4, 8}, "k": {1, 1}}, []string{"q"}, false); err != nil {
		t.Error(err)
	}
	if err := CheckSites("inventory", nil, nil, base, []string{"("}, true); !fault.Is(err, fault.Input) {
		t.Errorf("got %v", err)
	}
}
