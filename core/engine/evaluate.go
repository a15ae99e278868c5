package engine

import (
	"context"
	"math"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// ScoreOptions say how rows are read.
type ScoreOptions struct {
	Instruction string `json:"instruction"`
	Truncate    bool   `json:"truncate"`
	KeepLogits  bool   `json:"keepLogits"` // fill Scores.Logits
}

// EvalOptions say how rows are read and judged.
type EvalOptions struct {
	Instruction string   `json:"instruction"`
	Options     []string `json:"options"` // the labels to choose from; empty: see Evaluate
	Limit       int      `json:"limit"`   // judge only the first rows; 0: all
	Truncate    bool     `json:"truncate"`
}

// Score gives the negative log likelihood of each row's labels. With the
// routed inventory each row's task_id picks its router row. A row without a
// label counts for nothing: its NLL is 0 over 0 tokens.
func (e *Engine) Score(ctx context.Context, a Adapter, examples string, o ScoreOptions) (*Scores, error) {
	defer e.lock()()
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	rows, _, err := e.encode(exs, o.Instruction, o.Truncate)
	if err != nil {
		return nil, err
	}
	sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, false)
	defer sc.Close()
	got, err := sc.Score(ctx, rows)
	if err != nil {
		return nil, err
	}
	out := &Scores{}
	sum, n := 0.0, 0
	for i, g := range got {
		if err := finite(g.Sum, exs[i].Line); err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, RowScore{NLLSum: g.Sum, NLLMean: mean(g), Tokens: g.Tokens})
		sum, n = sum+g.Sum, n+g.Tokens
		if o.KeepLogits {
			l, err := sc.Logits(ctx, rows[i])
			if err != nil {
				return nil, err
			}
			out.Logits = append(out.Logits, l)
		}
	}
	if n == 0 {
		return nil, unlabelled(exs[0])
	}
	out.Loss = sum / float64(n)
	return out, nil
}

// Evaluate judges an adapter on rows. With labels to choose from (the options
// given, the row's own, or the outputs themselves where they are few and come
// again) a prediction is the label of the smallest mean negative log
// likelihood per token (rank classification); without, a row counts when
// greedy decoding would give exactly its answer.
func (e *Engine) Evaluate(ctx context.Context, a Adapter, examples string, o EvalOptions) (*ScoreRow, error) {
	defer e.lock()()
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	if o.Limit > 0 && len(exs) > o.Limit {
		exs = exs[:o.Limit]
	}
	labels := o.Options
	if len(labels) == 0 {
		labels = task.Choices(exs)
	}
	return e.evaluate(ctx, a, exs, labels, o)
}

func (e *Engine) evaluate(ctx context.Context, a Adapter, exs []task.Example, labels []string, o EvalOptions) (*ScoreRow, error) {
	out := &ScoreRow{Name: a.Name, N: len(exs), Labels: labels}
	groups := make([][]tune.Row, len(exs)) // per example: the right answer, then the choices
	choices := make([][]string, len(exs))
	for i, ex := range exs {
		if choices[i] = labels; len(ex.Options) > 0 && len(o.Options) == 0 {
			choices[i] = ex.Options
		}
		for _, c := range append([]string{ex.Output}, choices[i]...) {
			y := ex
			y.Output = c
			if ex.InputIDs != nil {
				choices[i] = nil
			}
			r, err := e.encodeOne(y, o.Instruction, o.Truncate)
			if err != nil {
				return nil, err
			}
			groups[i] = append(groups[i], tune.Row{IDs: r.IDs, Labels: r.Labels, Task: r.TaskID})
			if ex.InputIDs != nil {
				break
			}
		}
	}
	greedy := false
	for _, c := range choices {
		greedy = greedy || c == nil
	}
	sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, greedy)
	defer sc.Close()
	got, err := sc.ScoreGroups(ctx, groups)
	if err != nil {
		return nil, err
	}
	hits, totals := map[string]int{}, map[string]int{}
	right, sum, tokens, at := 0, 0.0, 0, 0
	for i, ex := range exs {
		gold := got[at]
		if gold.Tokens == 0 {
			return nil, unlabelled(ex)
		}
		p := Prediction{Input: ex.Input, Want: ex.Output, Loss: mean(gold)}
		ok := gold.Greedy
		if ok {
			p.Got = ex.Output
		}
		if c := choices[i]; c != nil {
			best := 0
			for k := range c {
				if mean(got[at+1+k]) < mean(got[at+1+best]) {
					best = k
				}
			}
			p.Got = c[best]
			ok = p.Got == ex.Output
		}
		if err := finite(gold.Sum, ex.Line); err != nil {
			return nil, err
		}
		at += 1 + len(choices[i])
		sum, tokens = sum+gold.Sum, tokens+gold.Tokens
		totals[ex.Output]++
		if ok {
			right++
			hits[ex.Output]++
		}
		out.Rows = append(out.Rows, p)
	}
	out.Loss = sum / float64(tokens)
	out.Accuracy = float64(right) / float64(len(exs))
	out.Balanced = out.Accuracy
	if labels != nil {
		out.Balanced = 0
		for l, n := range totals {
			out.Balanced += float64(hits[l]) / float64(n) / float64(len(totals))
		}
	}
	return out, nil
}

// finite refuses a loss that is no number: the weights are finite, but too
// large to compute with.
func finite(loss float64, line int) error {
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fault.Inputf("score", "line %d: loss %v, want a number", line, loss).Next("the weights of the base or the adapter are out of range; take others")
	}
	return nil
}

// mean is nats per label token; 0 for a row without labels.
func mean(r tune.RowScore) float64 { return r.Sum / float64(max(1, r.Tokens)) }
