package task

import "slices"

// MaxChoices is how many labels an answer is chosen from: each costs a pass
// over the row.
const MaxChoices = 32

// Labels are the distinct answers, sorted, where the examples seem to be
// classified: two rows or more to an answer on average. Else nil. The answer of
// a pre-tokenised row is its ids.
func Labels(exs []Example) []string {
	seen := map[string]bool{}
	for i := range exs {
		seen[exs[i].Answer()] = true
	}
	if len(seen) == 0 || 2*len(seen) > len(exs) {
		return nil
	}
	out := make([]string, 0, len(seen))
	for l := range seen {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// Choices are the labels that a model may choose from: Labels of text, 2 to
// MaxChoices of them. Else nil.
func Choices(exs []Example) []string {
	labels := Labels(exs)
	if len(labels) < 2 || len(labels) > MaxChoices || slices.ContainsFunc(exs, func(e Example) bool { return e.Tokenised() }) {
		return nil
	}
	return labels
}
