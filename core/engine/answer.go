package engine

import (
	"context"
	"slices"
	"strings"

	"handful/core/eval"
	"handful/core/fault"
	"handful/core/model"
	"handful/core/task"
)

// maxAnswer is how many tokens a generated answer has at most by default.
const maxAnswer = 32

func (o EvalOptions) most() int {
	if o.MaxTokens > 0 {
		return o.MaxTokens
	}
	return maxAnswer
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
