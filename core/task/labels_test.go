package task

import (
	"fmt"
	"reflect"
	"testing"
)

func TestLabels(t *testing.T) {
	rows := func(outputs ...string) (exs []Example) {
		for _, o := range outputs {
			exs = append(exs, Example{Input: "x", Output: o})
		}
		return exs
	}
	many := func(labels int) (exs []Example) {
		for i := range 2 * labels {
			exs = append(exs, Example{Input: "x", Output: fmt.Sprintf("%03d", i%labels)})
		}
		return exs
	}
	ids := []Example{{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}}, {InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}},
		{InputIDs: []int32{1, 3}, Labels: []int32{-100, 3}}, {InputIDs: []int32{4, 3}, Labels: []int32{-100, 3}}}
	for _, c := range []struct {
		name            string
		exs             []Example
		labels, choices int
	}{
		{"nothing", nil, 0, 0},
		{"one row", rows("a"), 0, 0},
		{"one class", rows("a", "a"), 1, 0},
		{"two classes", rows("b", "a", "b", "a"), 2, 2},
		{"two classes, an odd row", rows("b", "a", "b"), 0, 0},
		{"free text", rows("a", "b", "c", "d", "a"), 0, 0},
		{"as many as may be chosen from", many(MaxChoices), MaxChoices, MaxChoices},
		{"one more", many(MaxChoices + 1), MaxChoices + 1, 0},
		{"ids", ids, 2, 0},
		{"ids and text", append(rows("a", "a", "b", "b"), ids...), 4, 0},
	} {
		if l, k := len(Labels(c.exs)), len(Choices(c.exs)); l != c.labels || k != c.choices {
			t.Errorf("%s: got %d labels and %d choices, want %d and %d", c.name, l, k, c.labels, c.choices)
		}
	}
	if got := Choices(rows("b", "a", "b", "a")); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %v, want them sorted", got)
	}
}
