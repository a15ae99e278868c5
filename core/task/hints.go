package task

import (
	"fmt"
	"strings"
)

// Hints are remarks on examples that are not wrong: rows that stand twice or
// contradict each other, outputs outside their options, rows that teach nothing,
// and how classes are balanced.
func Hints(exs []Example) (hints []string) {
	hint := func(lines []int, format string, args ...any) {
		if len(lines) > 0 {
			hints = append(hints, fmt.Sprintf(format, args...)+" ("+lineList(lines)+")")
		}
	}
	first, count := map[string]string{}, map[string]int{}
	var twice, against, outside, mute []int
	for i := range exs {
		e := &exs[i]
		answer := e.Answer()
		count[answer]++
		if old, ok := first[e.source()]; !ok {
			first[e.source()] = answer
		} else if old == answer {
			twice = append(twice, e.Line)
		} else {
			against = append(against, e.Line)
		}
		if len(e.Options) > 0 && !contains(e.Options, answer) {
			outside = append(outside, e.Line)
		}
		if e.Tokenised() && !e.labelled() {
			mute = append(mute, e.Line)
		}
	}
	hint(twice, "%d rows stand more than once", len(twice))
	hint(against, "%d rows have the input of another row and another output", len(against))
	hint(outside, "%d rows have an output that is none of their options", len(outside))
	hint(mute, "%d rows have no label that counts (the first position's can't be predicted): nothing is learned from them", len(mute))
	labels := Labels(exs)
	if len(labels) == 1 {
		return append(hints, "all rows have the same output: there is nothing to tell apart")
	}
	least, most := len(exs), 0
	for _, l := range labels {
		least, most = min(least, count[l]), max(most, count[l])
	}
	if most > 0 && most >= 4*least {
		hints = append(hints, fmt.Sprintf("classes are uneven: %d to %d rows each", least, most))
	}
	return hints
}

// labelled tells whether a pre-tokenised row has a label that counts.
func (e *Example) labelled() bool {
	for _, y := range e.Labels[min(1, len(e.Labels)):] {
		if y != noLabel {
			return true
		}
	}
	return false
}

func contains(options []string, output string) bool {
	for _, o := range options {
		if strings.TrimSpace(o) == strings.TrimSpace(output) {
			return true
		}
	}
	return false
}

// lineList writes the first few line numbers.
func lineList(lines []int) string {
	const shown = 5
	s := strings.Trim(strings.ReplaceAll(fmt.Sprint(lines[:min(shown, len(lines))]), " ", ", "), "[]")
	if len(lines) > shown {
		s += ", …"
	}
	if len(lines) == 1 {
		return "line " + s
	}
	return "lines " + s
}
