package engine

import (
	"context"
	"math"
	"slices"
	"strings"

	"handful/core/eval"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/task"
	"handful/core/tune"
)

// maxAnswer is how many tokens a generated answer has at most by default.
const maxAnswer = 32

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

// sum fills the metrics from the rows.
func (s *ScoreRow) sum(generated bool) {
	var gold []string
	var hits []bool
	rouge := 0.0
	for _, p := range s.Rows {
		gold, hits = append(gold, p.Want), append(hits, p.OK)
		rouge += p.Rouge / float64(len(s.Rows))
	}
	s.Accuracy, s.Classes = eval.Accuracy(hits), len(s.Labels)
	s.Balanced = s.Accuracy
	if s.Labels != nil {
		s.Balanced = eval.Balanced(gold, hits)
	}
	if len(hits) > 0 {
		i := interval(byClass(gold, hits, s.Labels != nil))
		s.Interval = &i
	}
	if generated {
		exact := s.Accuracy
		s.Exact, s.RougeL = &exact, &rouge
	}
}

// interval is that of eval. Where each class is all right or all wrong, as of a
// model that always gives one answer, resampling has no width: then each class
// has Wilson's bound z²/(n + z²), z = 1.96, and their distances are added as
// squares (MOVER, Zou and Donner 2008).
func interval(c eval.Cell) eval.Interval {
	i := eval.Cells{{c}}.Interval()
	if i.Lo != i.Hi {
		return i
	}
	const z2 = 1.96 * 1.96
	below, above := 0.0, 0.0
	for _, rows := range c {
		width := z2 / (float64(len(rows)) + z2)
		if eval.Mean(rows) == 1 {
			below += width * width
		} else {
			above += width * width
		}
	}
	n := float64(len(c))
	return eval.Interval{Lo: max(0, i.Lo-math.Sqrt(below)/n), Hi: min(1, i.Hi+math.Sqrt(above)/n)}
}

// byClass are hits as 0 and 1, those of a class together where there are some.
func byClass(gold []string, hits []bool, classes bool) (c eval.Cell) {
	at := map[string]int{}
	for i, g := range gold {
		if !classes {
			g = ""
		}
		k, ok := at[g]
		if !ok {
			k = len(c)
			at[g], c = k, append(c, nil)
		}
		hit := 0.0
		if hits[i] {
			hit = 1
		}
		c[k] = append(c[k], hit)
	}
	return c
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

func (o EvalOptions) most() int {
	if o.MaxTokens > 0 {
		return o.MaxTokens
	}
	return maxAnswer
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

// answer writes decoded answers and their marks into rows. An answer ends at an
// end token, or at a line break where no right answer has one: a base that
// wasn't taught the end token goes on with a line of its own.
func (e *Engine) answer(ctx context.Context, a Adapter, qs []question, prefix []int32, o EvalOptions, rows []Prediction) error {
	wants := make([]string, len(qs))
	oneLine := e.tok != nil
	var prompts []model.Prompt
	var table []int32
	slots := map[int]int32{}
	for i, q := range qs {
		if wants[i] = q.Output; q.Tokenised() {
			wants[i] = e.say(e.labelled(q.row))
		}
		oneLine = oneLine && !strings.Contains(wants[i], "\n")
		id := 0
		if a.tasks > 1 {
			if id = q.row.TaskID; id < 0 || id >= a.tasks {
				return fault.Inputf("eval", "line %d has task_id %d, want 0 to %d", q.row.Line, id, a.tasks-1).Next("correct the row's task_id, or choose one task for all rows")
			}
		}
		if _, ok := slots[id]; !ok {
			slots[id] = int32(len(table))
			table = append(table, int32(id))
		}
		p := model.Prompt{IDs: q.row.Source, Slot: slots[id]}
		if !e.encodes() {
			p.IDs = q.row.IDs[:q.row.Prompt]
		}
		prompts = append(prompts, p)
	}
	stop := func(id int32) bool {
		return e.ends[id] || oneLine && strings.Contains(string(e.tok.Bytes(id)), "\n")
	}
	var bind model.Bind
	if a.route != nil {
		bind = a.route.Bind
	}
	got, err := e.decode(ctx, bind, table, prefix, prompts, o, stop)
	if err != nil {
		return err
	}
	for i := range rows {
		p := &rows[i]
		p.Want, p.Got = wants[i], e.say(got[i])
		p.OK, p.Rouge = eval.Exact(p.Got, p.Want), eval.RougeL(p.Got, p.Want)
	}
	return nil
}

// decode answers prompts behind a prefix, greedily or by beams.
func (e *Engine) decode(ctx context.Context, bind model.Bind, table, prefix []int32, prompts []model.Prompt, o EvalOptions, stop func(int32) bool) (got [][]int32, err error) {
	if o.Beams < 2 {
		return model.Greedy(ctx, e.dev, e.model, bind, table, prefix, prompts, o.most(), stop, nil)
	}
	for _, p := range prompts {
		p.IDs = slices.Concat(prefix, p.IDs)
		ids, err := model.Beam(ctx, e.dev, e.model, bind, table, p, model.Beams{Width: o.Beams, Penalty: 1}, o.most(), stop)
		if err != nil {
			return nil, err
		}
		got = append(got, ids)
	}
	return got, nil
}

// say is the text of ids without special tokens or white space around it;
// without a tokenizer the ids themselves, which then are the words.
func (e *Engine) say(ids []int32) string {
	if e.tok == nil {
		return task.Numbers(ids)
	}
	return strings.TrimSpace(e.tok.DecodePlain(ids))
}

// labelled are a row's labels up to the end token.
func (e *Engine) labelled(r task.Row) (ids []int32) {
	for _, y := range r.Labels[r.Prompt:] {
		if e.ends[y] {
			break
		}
		if y >= 0 {
			ids = append(ids, y)
		}
	}
	return ids
}
