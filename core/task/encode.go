package task

import (
	"handful/core/fault"
	"handful/core/text"
)

// Row is an encoded example: ids, and a label per id (−100: no loss), not
// shifted.
type Row struct {
	IDs, Labels []int32
	TaskID      int
	Prompt      int // tokens before the answer
	Cut         int // tokens cut from the front of the input
	Line        int
}

// Limits bound a row.
type Limits struct {
	Tokens   int  // longest row
	Vocab    int  // ids are below it
	Truncate bool // cut a longer row at the front of its input
}

// Encode turns an example into tokens. Prompt and answer are encoded apart,
// without BOS; labels are the answer and the end token. A row longer than the
// limit is refused, or its input cut at the front; an answer is never cut.
func Encode(tok text.Tokenizer, t *Template, instruction string, ex Example, l Limits) (Row, error) {
	if ex.InputIDs != nil {
		return pretokenised(ex, l)
	}
	end, ok := tok.ID(t.End)
	if !ok {
		return Row{}, fault.Inputf("prompt", "the tokenizer has no end token %q", t.End).Next("use the base that the inventory was made for")
	}
	prompt, answer, err := t.Render(instruction, ex)
	if err != nil {
		return Row{}, err
	}
	r := Row{TaskID: ex.TaskID, Line: ex.Line}
	y := append(tok.Encode(answer), end)
	p := tok.Encode(prompt)
	if over := len(p) + len(y) - l.Tokens; over > 0 {
		if !l.Truncate {
			return Row{}, fault.Inputf(op, "line %d has %d tokens, the context holds %d", ex.Line, len(p)+len(y), l.Tokens).Next("shorten it, or use --truncate")
		}
		if p, r.Cut, err = shorten(tok, t, instruction, ex, l.Tokens-len(y)); err != nil {
			return Row{}, err
		}
	}
	r.Prompt = len(p)
	r.IDs = append(p, y...)
	for range p {
		r.Labels = append(r.Labels, -100)
	}
	r.Labels = append(r.Labels, y...)
	for _, id := range r.IDs {
		if int(id) >= l.Vocab || id < 0 {
			return Row{}, fault.Inputf(op, "line %d has token %d, the vocabulary ends at %d", ex.Line, id, l.Vocab-1).Next("use the tokenizer that belongs to the base")
		}
	}
	return r, nil
}

// shorten cuts the input's front, by its own tokens, until the prompt fits in
// room tokens.
func shorten(tok text.Tokenizer, t *Template, instruction string, ex Example, room int) (p []int32, cut int, err error) {
	in := tok.Encode(ex.Input)
	for keep := min(len(in), max(room, 0)); ; keep-- {
		if keep < 0 {
			return nil, 0, fault.Inputf(op, "line %d: instruction, options and answer alone fill the context of %d tokens less its answer", ex.Line, room).Next("shorten them")
		}
		short := ex
		short.Input = tok.Decode(in[len(in)-keep:])
		prompt, _, err := t.Render(instruction, short)
		if err != nil {
			return nil, 0, err
		}
		if p = tok.Encode(prompt); len(p) <= room {
			return p, len(in) - keep, nil
		}
	}
}

// pretokenised checks a row of ids.
func pretokenised(ex Example, l Limits) (Row, error) {
	r := Row{IDs: ex.InputIDs, Labels: ex.Labels, TaskID: ex.TaskID, Line: ex.Line}
	labels := 0
	for i, id := range ex.InputIDs {
		if id < 0 || int(id) >= l.Vocab {
			return r, fault.Inputf(op, "line %d has token %d, the vocabulary ends at %d", ex.Line, id, l.Vocab-1)
		}
		switch y := ex.Labels[i]; {
		case y == -100:
		case y < 0 || int(y) >= l.Vocab:
			return r, fault.Inputf(op, "line %d has label %d, want -100 or a token below %d", ex.Line, y, l.Vocab)
		case i > 0:
			labels++ // a label on the first token can't be predicted
		}
	}
	if labels == 0 {
		return r, fault.Inputf(op, "line %d has no label to learn from (all are -100)", ex.Line)
	}
	if over := len(r.IDs) - l.Tokens; over > 0 {
		if !l.Truncate {
			return r, fault.Inputf(op, "line %d has %d tokens, the context holds %d", ex.Line, len(r.IDs), l.Tokens).Next("shorten it, or use --truncate")
		}
		for _, y := range r.Labels[:min(over+1, len(r.Labels))] {
			if y >= 0 {
				return r, fault.Inputf(op, "line %d: its labels alone do not fit the context of %d tokens", ex.Line, l.Tokens)
			}
		}
		r.IDs, r.Labels, r.Cut = r.IDs[over:], r.Labels[over:], over
	}
	return r, nil
}
