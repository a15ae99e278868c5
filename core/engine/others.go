package engine

import (
	"slices"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// LossAuto is tune.LossTFew where each row has answers to choose from, and
// tune.LossLM where one has none.
const LossAuto = "auto"

// chooseLoss settles LossAuto.
func chooseLoss(exs []task.Example, labels []string) string {
	if len(labels) > task.MaxChoices {
		labels = nil
	}
	for _, ex := range exs {
		options, answer := choices(ex, labels), ex.Answer()
		two := slices.ContainsFunc(options, func(o string) bool { return o != answer })
		if !two || !slices.Contains(options, answer) {
			return tune.LossLM
		}
	}
	return tune.LossTFew
}

// choices are the answers that an example is one of: its own options, else
// labels, which are text.
func choices(ex task.Example, labels []string) []string {
	if len(ex.Options) > 0 || ex.Tokenised() {
		return ex.Options
	}
	return labels
}

// addOthers gives each row its wrong answers, encoded as the right one is: the
// row's own options, else labels.
func (e *Engine) addOthers(rows []tune.Row, exs []task.Example, labels []string, o *AdaptOptions) error {
	for i, ex := range exs {
		options, answer := choices(ex, labels), ex.Answer()
		switch {
		case len(options) == 0 && ex.Tokenised():
			return fault.Inputf("adapt", "line %d is token ids without options; loss tfew chooses between answers", ex.Line).
				Next("give each row \"options\": a list of lists of ids, one of them its labels; or take --loss lm")
		case len(options) == 0:
			return fault.Inputf("adapt", "line %d has no options, and the outputs are not a few labels that come again; loss tfew chooses between answers", ex.Line).
				Next("give options, or take --loss lm")
		case !slices.Contains(options, answer):
			return fault.Inputf("adapt", "line %d: the output %q is none of its options %q", ex.Line, answer, options).Next("add it to them")
		}
		seen := map[string]bool{answer: true}
		for _, other := range options {
			if seen[other] {
				continue
			}
			seen[other] = true
			r, err := e.encodeOne(ex.Answering(other, e.limits(o.Truncate)), o.Instruction, o.Truncate)
			if err != nil {
				return err
			}
			rows[i].Others = append(rows[i].Others, rowOf(r))
		}
		if len(rows[i].Others) == 0 {
			return fault.Inputf("adapt", "line %d has the one option %q; loss tfew chooses between answers", ex.Line, answer).Next("give at least two, or take --loss lm")
		}
	}
	return nil
}
