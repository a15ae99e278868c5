package engine

import (
	"context"
	"sort"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// maxLabels is how many distinct outputs still make a classification task.
const maxLabels = 32

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
	Classes     []string `json:"classes"` // the labels that balanced accuracy is over; empty: the options, or the outputs
	Limit       int      `json:"limit"`   // judge at most so many rows, of each class its share; 0: all
	Truncate    bool     `json:"truncate"`
	Generate    bool     `json:"generate"`  // judge what greedy decoding writes, whatever labels there are
	MaxTokens   int      `json:"maxTokens"` // of a generated answer; 0: 32
	Context     string   `json:"context"`   // examples to show in the prompt before each row, as many as fit
}

// Score gives the negative log likelihood of each row's labels. With the
// routed inventory each row's task_id picks its router row.
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
		if g.Tokens == 0 {
			return nil, fault.Inputf("score", "line %d has no label token", exs[i].Line).Next("give it an output")
		}
		out.Rows = append(out.Rows, RowScore{NLLSum: g.Sum, NLLMean: g.Sum / float64(g.Tokens), Tokens: g.Tokens})
		sum, n = sum+g.Sum, n+g.Tokens
		if o.KeepLogits {
			l, err := sc.Logits(ctx, rows[i])
			if err != nil {
				return nil, err
			}
			out.Logits = append(out.Logits, l)
		}
	}
	out.Loss = sum / float64(n)
	return out, nil
}

// Evaluate judges an adapter on rows. With labels to choose from (the options
// given, the row's own, or the outputs themselves where they are few and come
// again) a prediction is the label of the smallest mean negative log
// likelihood per token (rank classification); without, a row counts when
// greedy decoding would give exactly its answer, token for token. With Generate
// answers are decoded and compared as text: see ScoreRow.
func (e *Engine) Evaluate(ctx context.Context, a Adapter, examples string, o EvalOptions) (*ScoreRow, error) {
	defer e.lock()()
	exs, err := parse(examples)
	if err != nil {
		return nil, err
	}
	exs = limited(exs, o.Limit)
	labels := o.Options
	if len(labels) == 0 {
		labels = Labels(exs)
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

// Labels are the distinct outputs, sorted, where they look like classes: at
// most 32 and at least two rows each on average. Else nil.
func Labels(exs []task.Example) []string {
	seen := map[string]bool{}
	for _, x := range exs {
		if x.InputIDs != nil {
			return nil
		}
		seen[x.Output] = true
	}
	if len(seen) < 2 || len(seen) > maxLabels || 2*len(seen) > len(exs) {
		return nil
	}
	var out []string
	for s := range seen {
		out = append(out, s)
	}
	sort.Strings(out)
	return out
}
