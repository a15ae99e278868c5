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
		options := labels
		if len(ex.Options) > 0 {
			options = ex.Options
		}
		two := slices.ContainsFunc(options, func(o string) bool { return o != ex.Output })
		if ex.Tokenised() || !two || !slices.Contains(options, ex.Output) {
			return tune.LossLM
		}
	}
	return tune.LossTFew
}

// addOthers gives each row its wrong answers, encoded as the right one is: the
// row's own options, else labels.
func (e *Engine) addOthers(rows []tune.Row, exs []task.Example, labels []string, o *AdaptOptions) error {
	for i, ex := range exs {
		options := labels
		if len(ex.Options) > 0 {
			options = ex.Options
		}
		switch {
		case ex.Tokenised():
			return fault.Inputf("adapt", "line %d is token ids, which name no options; loss tfew chooses between answers", ex.Line).Next("give text, or take --loss lm")
		case len(options) == 0:
			return fault.Inputf("adapt", "line %d has no options, and the outputs are not a few labels that come again; loss tfew chooses between answers", ex.Line).
				Next("give options, or take --loss lm")
		case !slices.Contains(options, ex.Output):
			return fault.Inputf("adapt", "line %d: the output %q is none of its options %q", ex.Line, ex.Output, options).Next("add it to them")
		}
		seen := map[string]bool{ex.Output: true}
		for _, other := range options {
			if seen[other] {
				continue
			}
			seen[other] = true
			y := ex
			y.Output = other
			r, err := e.encodeOne(y, o.Instruction, o.Truncate)
			if err != nil {
				return err
			}
			rows[i].Others = append(rows[i].Others, tune.Row{IDs: r.IDs, Labels: r.Labels, Task: r.TaskID})
		}
		if len(rows[i].Others) == 0 {
			return fault.Inputf("adapt", "line %d has the one option %q; loss tfew chooses between answers", ex.Line, ex.Output).Next("give at least two, or take --loss lm")
		}
	}
	return nil
}
