package shaders

import (
	"strings"
	"testing"
)

func expanded(t *testing.T, text string, v Vars) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, strings.Split(text, "\n"), v, 0); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLinesAreKeptByTheirFlag(t *testing.T) {
	const text = "//!if A\na\n//!if !B\nnot b\n//!end\n//!end\n//!if !A\nnot a\n//!end\nall"
	for want, v := range map[string]Vars{"a\nnot b\nall\n": {"A": "1"}, "a\nall\n": {"A": "1", "B": "1"}, "not a\nall\n": {"A": "0"}} {
		if got := expanded(t, text, v); got != want {
			t.Errorf("%v gives %q, want %q", v, got, want)
		}
	}
}

func TestLinesAreWrittenOut(t *testing.T) {
	const text = "//!for r ROWS\nrow $r\n//!for c 2\n//!if A\ns$r_$c\n//!end\n//!end\n//!end"
	if got, want := expanded(t, text, Vars{"ROWS": "2", "A": "1"}), "row 0\ns0_0\ns0_1\nrow 1\ns1_0\ns1_1\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBrokenBlocksAreRefused(t *testing.T) {
	for _, text := range []string{"//!end", "//!if A\na", "//!for i 2\n//!if A\n//!end", "//!for i N\na\n//!end", "//!for i\n//!end", "//!other"} {
		if err := write(&strings.Builder{}, strings.Split(text, "\n"), Vars{"A": "1"}, 0); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
