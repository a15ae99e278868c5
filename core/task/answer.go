package task

import (
	"fmt"
	"slices"
	"strings"
)

// Answer is what the example wants: Output, or the labels of a pre-tokenised
// one as numbers.
func (e *Example) Answer() string {
	if e.Tokenised() {
		return Numbers(slices.DeleteFunc(slices.Clone(e.Labels), func(y int32) bool { return y == noLabel }))
	}
	return e.Output
}

// Answering is the example with another answer, of a pre-tokenised one one of
// its Options, for a model of such limits: behind the tokens before the first
// label, or all that an encoder-decoder's decoder says.
func (e Example) Answering(answer string, l Limits) Example {
	if !e.Tokenised() {
		e.Output = answer
		return e
	}
	ids := e.OptionIDs[slices.Index(e.Options, answer)]
	if l.Encodes {
		e.Labels = ids
		return e
	}
	n := e.prompt()
	e.InputIDs = slices.Concat(e.InputIDs[:n], ids)
	e.Labels = slices.Concat(slices.Repeat([]int32{noLabel}, n), ids)
	return e
}

// prompt is how many ids of a pre-tokenised row stand before its first label.
// One at 0 counts for nothing, for nothing predicts it.
func (e *Example) prompt() int {
	n := min(1, len(e.Labels))
	for n < len(e.Labels) && e.Labels[n] == noLabel {
		n++
	}
	return min(n, len(e.InputIDs))
}

// Numbers are ids as people see them.
func Numbers(ids []int32) string { return strings.Trim(fmt.Sprint(ids), "[]") }
