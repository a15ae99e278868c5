package shaders

import (
	"strings"
	"testing"

	"handful/core/fault"
)

func TestExpand(t *testing.T) {
	s, err := Expand("add WG=64 PER=4")
	if err != nil {
		t.Fatal(err)
	}
	want := []Binding{{0, Uniform, "p"}, {1, ReadOnly, "a"}, {2, ReadOnly, "b"}, {3, ReadWrite, "y"}}
	if len(s.Bindings) != len(want) {
		t.Fatalf("bindings %v, want %v", s.Bindings, want)
	}
	for i, b := range s.Bindings {
		if b != want[i] {
			t.Errorf("binding %v, want %v", b, want[i])
		}
	}
	if strings.Contains(s.Source, "//!") || strings.Contains(s.Source, "${") {
		t.Errorf("directives are left:\n%s", s.Source)
	}
}

func TestExpandNestsAndRefuses(t *testing.T) {
	x := expander{vars: map[string]string{"A": "", "N": "2"}}
	x.lines("t", strings.Split("//!if A\n//!repeat i ${N}\n//!if B\nno\n//!else\na${i}\n//!end\n//!end\n//!else\nno\n//!end\nz", "\n"))
	if got := x.out.String(); got != "a0\na1\nz\n" {
		t.Errorf("got %q", got)
	}
	for _, spec := range []string{"", "nosuch", "add WG=64"} {
		if _, err := Expand(spec); !fault.Is(err, fault.Bug) {
			t.Errorf("%q: got %v, want a bug", spec, err)
		}
	}
	for _, text := range []string{"//!if A", "//!what", "//!repeat i x\n//!end"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no fault", text)
				}
			}()
			(&expander{vars: map[string]string{"A": ""}}).lines("t", strings.Split(text, "\n"))
		}()
	}
}
