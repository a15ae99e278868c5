package text

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// engine cuts s by a pattern through the regular expression engine.
func engine(t testing.TB, pattern string) splitter {
	find, err := findRegex("test", pattern)
	if err != nil {
		t.Fatal(err)
	}
	return cutBy(find, "Isolated", false)
}

func collect(cut splitter, s string) (out []string) {
	cut(s, func(p string) { out = append(out, p) })
	return out
}

// comparable says whether engine and scanner should agree: they differ, knowingly,
// on characters newer than Go's tables and on U+017F as an s.
func comparable(s string) bool {
	return !strings.Contains(s, "'ſ") && !strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, newLetters, newNumbers) })
}

var scanned = []string{gpt2Pattern, gpt2Short, qwenPattern, llama3}

func TestScannersCutAsTheirPatterns(t *testing.T) {
	strs := jsonl[string](t, "strings.jsonl.gz")
	for _, pattern := range scanned {
		cut, n := engine(t, pattern), 0
		for _, s := range strs {
			if !comparable(s) {
				continue
			}
			n++
			if got, want := collect(scanners[pattern], s), collect(cut, s); !slices.Equal(got, want) {
				t.Errorf("%s on %q\n got %q\nwant %q", pattern, s, got, want)
			}
		}
		if n < 2000 {
			t.Errorf("%s: only %d strings compared", pattern, n)
		}
	}
}

func FuzzScanners(f *testing.F) {
	for _, s := range []string{"", " a", "  a\n\n b", "'S'll'x", "1234 \r\n!?\n", " \u3000\u00a0x\t1", "e\u0301 \xff\xfe'"} {
		f.Add(s)
	}
	cuts := map[string]splitter{}
	for _, p := range scanned {
		cuts[p] = engine(f, p)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !comparable(s) || len(s) > 1000 {
			return
		}
		for p, cut := range cuts {
			if got, want := collect(scanners[p], s), collect(cut, s); !slices.Equal(got, want) {
				t.Fatalf("%s on %q\n got %q\nwant %q", p, s, got, want)
			}
		}
	})
}

func TestSplitBehaviours(t *testing.T) {
	for _, c := range []struct {
		behaviour string
		invert    bool
		want      string
	}{
		{"Removed", false, "a|b|c"},
		{"Removed", true, "-|-|-"},
		{"Isolated", false, "a|-|-|b|-|c"},
		{"Contiguous", false, "a|--|b|-|c"},
		{"MergedWithPrevious", false, "a-|-|b-|c"},
		{"MergedWithNext", false, "a|-|-b|-c"},
	} {
		got := collect(cutBy(findString("-"), c.behaviour, c.invert), "a--b-c")
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s, invert %v: %s, want %s", c.behaviour, c.invert, s, c.want)
		}
	}
	if cutBy(findString("-"), "Sideways", false) != nil {
		t.Error("a behaviour that isn't there was accepted")
	}
}
