//go:build !js

package ui

import (
	"strings"
	"testing"
)

// loaded is a page with an open model.
func loaded(t *testing.T) (*App, *fakePage, *fakeEngine) {
	t.Helper()
	a, p, f := newTest(t)
	do(a, func() { a.Load() })
	wait(t, a, "the model", func() bool { return a.model.info != nil })
	return a, p, f
}

func TestColumnsAreMapped(t *testing.T) {
	a, p, f := loaded(t)
	const table = "review,stars,id\ngood,five,12\n"
	do(a, func() {
		a.Typed(examplesID, table)
		a.Typed(heldID, table)
	})
	wait(t, a, "the columns", func() bool { return a.examples.columns() != nil })
	do(a, func() {
		if m := a.examples.mapping; m.in != 0 || m.out != 1 || m.noHeader {
			t.Errorf("guessed %+v", m)
		}
		a.PickColumn("output", "2")
		a.PickColumn("input", "junk")
		a.examples.mapping.guess(a.examples.columns()) // the same table seen again
	})
	if html := render(t, a); !strings.Contains(html, "Which columns are it?") || !strings.Contains(html, "stars: five") {
		t.Error("the choice is not shown")
	}
	do(a, func() { a.UseColumns() })
	wait(t, a, "the mapped text", func() bool { return strings.HasPrefix(a.examples.text, "input,output") && a.examples.columns() == nil })
	do(a, func() {
		if a.examples.held != a.examples.text || p.texts[examplesID] != a.examples.text {
			t.Errorf("got the test rows %q, the field %q", a.examples.held, p.texts[examplesID])
		}
	})
	if n, o := f.calls("columns"); n != 2 || !strings.Contains(o, `"input":0,"output":2,"header":true`) {
		t.Errorf("asked %d times, last %s", n, o)
	}
}

func TestGuess(t *testing.T) {
	for _, x := range []struct {
		c       columns
		in, out int
	}{
		{columns{Names: []string{"a", "b"}}, 0, 1},
		{columns{Names: []string{"id", "text", "mood"}, Sample: []string{"17", "a long text", "good"}}, 1, 2},
		{columns{Names: []string{"n", "text"}, Sample: []string{"1", "long"}}, 1, 0},
		{columns{Names: []string{"a", "b", "c"}, Sample: []string{"", "x"}}, 1, 2},
		{columns{Names: []string{"a", "b"}, Sample: []string{"1", "2", "3", "4"}}, 0, 1},
	} {
		m := mapping{}
		if m.guess(&x.c); m.in != x.in || m.out != x.out {
			t.Errorf("%v: got %d and %d, want %d and %d", x.c, m.in, m.out, x.in, x.out)
		}
	}
}

func TestShowRow(t *testing.T) {
	a, _, f := loaded(t)
	do(a, func() { a.Typed(examplesID, fourRows) })
	wait(t, a, "the rows", func() bool { return a.examples.seen != nil })
	do(a, func() { a.Fold("prompt"); a.ShowRow(2) })
	wait(t, a, "the third row", func() bool { return a.examples.seen.Chosen == 2 })
	if html := render(t, a); !strings.Contains(html, "Line 3: 9 tokens, of which the last 2 are learned.") || strings.Count(html, " as the model sees it\" aria-pressed=\"true\"") != 1 {
		t.Error("it is not shown")
	}
	if _, o := f.calls("preview"); !strings.Contains(o, `"row":2`) {
		t.Errorf("asked %s", o)
	}
}
