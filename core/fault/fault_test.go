package fault

import (
	"errors"
	"fmt"
	"testing"
)

// TestOr: a next step is added where there is none, and to a copy.
func TestOr(t *testing.T) {
	bare, led := Inputf("op", "got a, want b"), Inputf("op", "got a, want b").Next("do c")
	other := errors.New("other")
	for _, c := range []struct {
		err  error
		want string
	}{
		{bare, "op: got a, want b; do d"},
		{led, "op: got a, want b; do c"},
		{fmt.Errorf("more: %w", bare), "op: got a, want b; do d"},
		{other, "other"},
	} {
		if got := Or(c.err, "do d"); got.Error() != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	if Or(nil, "do d") != nil || bare.Hint != "" || !Is(Or(bare, "do d"), Input) {
		t.Error("nil, the fault itself and its kind stay as they are")
	}
}
