package engine

import (
	"context"
	"slices"

	"handful/core/task"
	"handful/core/tune"
)

// A question is a row to judge with the answers that are scored for it.
type question struct {
	task.Example
	choices []string // the labels to choose from; nil: none
	row     task.Row // with the right answer
	scored  []tune.Row
}

// evaluate judges an adapter on examples; labels are the choices of rows that
// bring none, nil for none.
func (e *Engine) evaluate(ctx context.Context, a Adapter, exs []task.Example, labels []string, o EvalOptions) (*ScoreRow, error) {
	qs, err := e.questions(exs, labels, o)
	if err != nil {
		return nil, err
	}
	out := &ScoreRow{Name: a.Name, N: len(exs), Labels: o.Classes}
	switch {
	case o.Generate:
		out.Labels = nil
	case len(o.Classes) == 0:
		out.Labels = labels
	}
	prefix, err := e.shown(qs, o, out)
	if err != nil {
		return nil, err
	}
	if e.encodes() { // the encoder looks both ways: what is shown is a part of each source
		for i := range qs {
			for k := range qs[i].scored {
				qs[i].scored[k].Source = slices.Concat(prefix, qs[i].scored[k].Source)
			}
			qs[i].row.Source = slices.Concat(prefix, qs[i].row.Source)
		}
		prefix = nil
	}
	if out.Rows, out.Loss, err = e.choose(ctx, a, qs, prefix, !o.Generate); err != nil {
		return nil, err
	}
	if o.Generate {
		if err := e.answer(ctx, a, qs, prefix, o, out.Rows); err != nil {
			return nil, err
		}
	}
	out.sum(o.Generate)
	return out, nil
}

// questions encodes each row with its answer and its choices.
func (e *Engine) questions(exs []task.Example, labels []string, o EvalOptions) ([]question, error) {
	qs := make([]question, len(exs))
	for i, ex := range exs {
		q := question{Example: ex}
		switch {
		case o.Generate:
		case len(o.Options) > 0 && !ex.Tokenised():
			q.choices = o.Options
		default:
			q.choices = choices(ex, labels)
		}
		var err error
		if q.row, err = e.encodeOne(ex, o.Instruction, o.Truncate); err != nil {
			return nil, err
		}
		q.scored = append(q.scored, rowOf(q.row))
		for _, c := range q.choices {
			r, err := e.encodeOne(ex.Answering(c, e.limits(o.Truncate)), o.Instruction, o.Truncate)
			if err != nil {
				return nil, err
			}
			q.scored = append(q.scored, rowOf(r))
		}
		qs[i] = q
	}
	return qs, nil
}

// shown are the tokens of the examples that stand in the prompt: each as the
// template writes it, answer and end token included, then a line break. Those
// that would leave no room for the longest row are dropped from the end.
func (e *Engine) shown(qs []question, o EvalOptions, out *ScoreRow) (ids []int32, err error) {
	if o.Context == "" {
		return nil, nil
	}
	exs, err := parse(o.Context)
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, q := range qs {
		for _, r := range q.scored {
			longest = max(longest, len(e.before(r)))
		}
		if o.Generate && !e.encodes() {
			longest = max(longest, q.row.Prompt+o.most())
		}
	}
	var between []int32
	if e.tok != nil {
		between = e.tok.Encode("\n")
	}
	for _, ex := range exs {
		r, err := e.encodeOne(ex, o.Instruction, o.Truncate)
		if err != nil {
			return nil, err
		}
		shown := r.IDs
		if e.encodes() { // without what ends its source
			shown = append(e.trimmed(r.Source), r.IDs[r.Prompt:]...)
			shown = e.trimmed(shown)
		}
		if len(ids)+len(shown)+len(between)+longest > e.model.Config().Context {
			break
		}
		ids = append(append(ids, shown...), between...)
		out.Shown++
	}
	return ids, nil
}

func (e *Engine) encodes() bool { return e.model.Config().Encodes() }

// before are the tokens of a row that stand with the examples in a prompt: an
// encoder-decoder's source.
func (e *Engine) before(r tune.Row) []int32 {
	if e.encodes() {
		return r.Source
	}
	return r.IDs
}

// trimmed is a copy of ids without the tokens at the end that end an answer.
func (e *Engine) trimmed(ids []int32) []int32 {
	n := len(ids)
	for n > 0 && e.ends[ids[n-1]] {
		n--
	}
	return slices.Clone(ids[:n])
}

// choose scores the right answers, whose mean loss per token it gives, and
// takes the best choice of each row that has some. With greedy a row without
// counts when each token of its answer is the most likely one.
func (e *Engine) choose(ctx context.Context, a Adapter, qs []question, prefix []int32, greedy bool) (rows []Prediction, loss float64, err error) {
	var groups [][]tune.Row
	open := false // a row without choices
	for _, q := range qs {
		groups = append(groups, q.scored)
		open = open || q.choices == nil
	}
	sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, greedy && open)
	defer sc.Close()
	sc.Behind(prefix)
	got, err := sc.ScoreGroups(ctx, groups)
	if err != nil {
		return nil, 0, err
	}
	sum, tokens := 0.0, 0
	for _, q := range qs {
		gold, choices := got[0], got[1:1+len(q.choices)]
		got = got[1+len(q.choices):]
		if gold.Tokens == 0 {
			return nil, 0, unlabelled(q.Example)
		}
		if err := finite(gold.Sum, q.Line); err != nil {
			return nil, 0, err
		}
		sum, tokens = sum+gold.Sum, tokens+gold.Tokens
		p := Prediction{Loss: mean(gold), OK: gold.Greedy}
		p.Input, p.Want = shown(q.Example)
		if q.choices != nil {
			best := 0
			for k := range choices {
				if mean(choices[k]) < mean(choices[best]) {
					best = k
				}
			}
			p.Got = q.choices[best]
			p.OK = p.Got == p.Want
		} else if p.OK {
			p.Got = p.Want
		}
		rows = append(rows, p)
	}
	return rows, sum / float64(tokens), nil
}

// shown is a row as people see it: of tokens without a text, their numbers.
func shown(x task.Example) (input, want string) {
	if x.Tokenised() {
		return task.Numbers(x.InputIDs), x.Answer()
	}
	return x.Input, x.Answer()
}
