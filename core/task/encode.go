package task

import (
	"sort"
	"unicode/utf8"

	"handful/core/fault"
	"handful/core/text"
)

// Row is an encoded example: ids, and a label for each (-100: no loss), not
// shifted: what position i-1 predicts is label i, so a label at 0 counts for
// nothing.
type Row struct {
	IDs, Labels []int32
	TaskID      int
	Prompt      int // tokens before the answer
	Cut         int // tokens cut from the front of the input
	Line        int
}

// noLabel marks a position without loss.
const noLabel = -100

// Limits bound a row.
type Limits struct {
	Tokens   int  // of the longest row; 0: no limit
	Vocab    int  // ids are below it
	Truncate bool // cut a longer row at the front of its input
}

// Encode turns an example into tokens. Prompt and answer are encoded apart,
// without BOS; labels are the answer and the end token: the template's, or EOS
// where the vocabulary lacks that. A row longer than the limit is refused, or
// the front of its input is cut, so that instruction, options and answer stay.
// A pre-tokenised row needs neither tok nor t.
func Encode(tok text.Tokenizer, t *Template, instruction string, ex Example, l Limits) (Row, error) {
	if ex.Tokenised() {
		return pretokenised(ex, l)
	}
	end, ok := tok.ID(t.End)
	if !ok {
		if end, ok = tok.EOS(); !ok {
			return Row{}, fault.Inputf(op, "the tokenizer has no end token %q and no EOS", t.End).Next("use the base that the inventory was made for")
		}
	}
	prompt, answer, err := t.Render(instruction, ex)
	if err != nil {
		return Row{}, err
	}
	p, y := tok.Encode(prompt), append(tok.Encode(answer), end)
	r := Row{TaskID: ex.TaskID, Line: ex.Line}
	if n := len(p) + len(y); l.Tokens > 0 && n > l.Tokens {
		if !l.Truncate {
			return Row{}, tooLong(ex.Line, n, l.Tokens)
		}
		short, err := shorten(tok, t, instruction, ex, l.Tokens-len(y))
		if err != nil {
			return Row{}, err
		}
		p, r.Cut = short, len(p)-len(short)
	}
	r.Prompt = len(p)
	r.IDs = append(p, y...)
	for range p {
		r.Labels = append(r.Labels, noLabel)
	}
	r.Labels = append(r.Labels, y...)
	for _, id := range r.IDs {
		if int(id) >= l.Vocab {
			return Row{}, fault.Inputf(op, "line %d has token %d, the vocabulary ends at %d", ex.Line, id, l.Vocab-1).Next("use the tokenizer that belongs to the base")
		}
	}
	return r, nil
}

func tooLong(line, tokens, limit int) error {
	return fault.Inputf(op, "line %d has %d tokens, the context holds %d", line, tokens, limit).Next("shorten it, or use --truncate")
}

// shorten gives the tokens of the prompt with as many characters cut from the
// front of its input as it takes to fit in room tokens.
func shorten(tok text.Tokenizer, t *Template, instruction string, ex Example, room int) ([]int32, error) {
	with := func(input string) []int32 {
		short := ex
		short.Input = input
		prompt, _, _ := t.Render(instruction, short)
		return tok.Encode(prompt)
	}
	if n := len(with("")); n > room {
		return nil, fault.Inputf(op, "line %d: without its input it has %d tokens more than the context holds", ex.Line, n-room).Next("shorten its instruction, options or answer")
	}
	cut := sort.Search(len(ex.Input), func(n int) bool { return len(with(tail(ex.Input, n))) <= room })
	return with(tail(ex.Input, cut)), nil
}

// tail cuts n bytes from the front of s, and what is left of a character.
func tail(s string, n int) string {
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n++
	}
	return s[n:]
}

// pretokenised checks a row of ids. It may be without a label that counts, such
// as a row of one token: it then adds nothing to its batch's loss.
func pretokenised(ex Example, l Limits) (Row, error) {
	if len(ex.Labels) != len(ex.InputIDs) {
		return Row{}, fault.Inputf(op, "line %d has %d input_ids and %d labels, want as many", ex.Line, len(ex.InputIDs), len(ex.Labels)).
			Next("put -100 where there is no loss")
	}
	first := -1 // label that counts
	for i, id := range ex.InputIDs {
		if id < 0 || int(id) >= l.Vocab {
			return Row{}, fault.Inputf(op, "line %d has token %d, the vocabulary ends at %d", ex.Line, id, l.Vocab-1).Next("use the tokenizer that belongs to the base")
		}
		y := ex.Labels[i]
		if y != noLabel && (y < 0 || int(y) >= l.Vocab) {
			return Row{}, fault.Inputf(op, "line %d has label %d, want -100 or a token below %d", ex.Line, y, l.Vocab)
		}
		if y != noLabel && i > 0 && first < 0 {
			first = i
		}
	}
	if len(ex.InputIDs) == 0 {
		return Row{}, fault.Inputf(op, "line %d has no input_ids", ex.Line)
	}
	if first < 0 {
		first = len(ex.InputIDs) // all of it is prompt
	}
	r := Row{IDs: ex.InputIDs, Labels: ex.Labels, TaskID: ex.TaskID, Prompt: first, Line: ex.Line}
	if over := len(r.IDs) - l.Tokens; l.Tokens > 0 && over > 0 {
		if !l.Truncate {
			return Row{}, tooLong(ex.Line, len(r.IDs), l.Tokens)
		}
		if over >= first {
			return Row{}, fault.Inputf(op, "line %d: its labels and a token before them don't fit the context of %d tokens", ex.Line, l.Tokens).Next("shorten it")
		}
		r.IDs, r.Labels, r.Prompt, r.Cut = r.IDs[over:], r.Labels[over:], first-over, over
	}
	return r, nil
}
