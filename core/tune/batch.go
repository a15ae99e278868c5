package tune

import (
	"slices"

	"handful/core/model"
)

// batch is a batch, or a part of one, laid out on the host.
type batch struct {
	*model.Ragged
	task     []int32 // router row of each slot
	examples int
	sampled  bool    // a slot for each example
	answers  []int   // per example the answers that were laid out, the right one first; LossTFew only
	first    int     // the place of its first example in the whole batch
	whole    *counts // of all parts: what losses divide by
}

// counts are what losses divide by.
type counts struct {
	examples, labels int
	wrong, longest   int // LossTFew: the labels of wrong answers, and of the longest answer
}

// slot is the task slot of a router row, a new one where the batch has none.
func (b *batch) slot(row int32) int32 {
	i := slices.Index(b.task, row)
	if i < 0 || b.sampled {
		i = len(b.task)
		b.task = append(b.task, row)
	}
	return int32(i)
}

// place is an answer's row and its place in the row; 0 is the right one.
type place struct{ row, answer int }

// places gives each answer's place, and its label tokens.
func (b *batch) places() (at []place, tokens []int) {
	for r, n := range b.answers {
		for c := range n {
			at = append(at, place{r, c})
		}
	}
	tokens = make([]int, len(at))
	if b.answers != nil {
		for _, s := range b.Of {
			tokens[s]++
		}
	}
	return at, tokens
}

// together makes batches the parts of one.
func together(parts ...*batch) {
	whole := &counts{}
	for _, b := range parts {
		b.first, b.whole = whole.examples, whole
		whole.examples += b.examples
		whole.labels += len(b.Rows)
		at, tokens := b.places()
		for i, n := range tokens {
			whole.longest = max(whole.longest, n)
			if at[i].answer > 0 {
				whole.wrong += n
			}
		}
	}
}

// even cuts rows, by their places, into the fewest batches of about so many
// tokens and about one size: each is padded to the largest.
func even(rows []Row, tokens int) (out [][]int) {
	total := 0
	for _, r := range rows {
		total += r.Tokens()
	}
	n := (total + tokens - 1) / tokens
	var batch []int
	done := 0
	for i, r := range rows {
		batch = append(batch, i)
		if done += r.Tokens(); done*n >= total*(len(out)+1) {
			out, batch = append(out, batch), nil
		}
	}
	return out
}
