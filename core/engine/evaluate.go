package engine

import (
	"cmp"
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

	task.Sides // which columns are the input and the output
}

// EvalOptions say how rows are read and judged.
type EvalOptions struct {
	Instruction string   `json:"instruction"`
	Options     []string `json:"options"` // the labels to choose from; empty: see Evaluate
	Classes     []string `json:"classes"` // the labels that balanced accuracy is over; empty: the options, or the outputs
	Limit       int      `json:"limit"`   // judge at most so many rows, of each class its share; 0: all
	Truncate    bool     `json:"truncate"`
	Generate    bool     `json:"generate"`  // judge what decoding writes, whatever labels there are
	MaxTokens   int      `json:"maxTokens"` // of a generated answer; 0: 32
	Beams       int      `json:"beams"`     // above 1: a generated answer is the best of a search with so many, of mean log p
	Context     string   `json:"context"`   // examples to show in the prompt before each row, as many as fit

	task.Sides // which columns are the input and the output
}

// Score gives the negative log likelihood of each row's labels. With the
// routed inventory each row's task_id picks its router row. A row without a
// label counts for nothing: its NLL is 0 over 0 tokens.
func (e *Engine) Score(ctx context.Context, a Adapter, examples string, o ScoreOptions) (_ *Scores, err error) {
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	if examples, err = o.Sides.Name("examples", examples); err != nil {
		return nil, err
	}
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	rows, _, err := e.encode(exs, cmp.Or(o.Instruction, a.instruction), o.Truncate)
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
// greedy decoding would give exactly its answer, token for token. With Generate
// answers are decoded, greedily or by Beams, and compared as text: see ScoreRow.
func (e *Engine) Evaluate(ctx context.Context, a Adapter, examples string, o EvalOptions) (_ *ScoreRow, err error) {
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	if examples, err = o.Sides.Name("examples", examples); err != nil {
		return nil, err
	}
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	exs, o.Instruction = limited(exs, o.Limit), cmp.Or(o.Instruction, a.instruction)
	labels := o.Options
	if len(labels) == 0 {
		labels = task.Choices(exs)
	}
	return e.evaluate(ctx, a, exs, labels, o)
}

// limited draws at most n rows, of each class about its share; a file's first
// rows may all be of one class. 0: all rows.
func limited(exs []task.Example, n int) []task.Example {
	if n <= 0 || len(exs) <= n {
		return exs
	}
	_, some := task.Split(exs, float64(n)/float64(len(exs)), 0)
	if len(some) == 0 { // all rows have one input
		some = exs
	}
	return some[:min(n, len(some))]
}

// finite refuses a loss that is no number: the weights are finite, but too
// large to compute with.
func finite(loss float64, line int) error {
	if !isFinite(loss) {
		return fault.Inputf("score", "line %d: loss %v, want a number", line, loss).Next("the weights of the base or the adapter are out of range; take others")
	}
	return nil
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// mean is nats per label token; 0 for a row without labels.
func mean(r tune.RowScore) float64 { return r.Sum / float64(max(1, r.Tokens)) }
