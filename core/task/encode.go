package task

import (
	"slices"
	"sort"
	"unicode/utf8"

	"handful/core/fault"
	"handful/core/text"
)

// Row is an encoded example: ids, and a label for each (-100: no loss), not
// shifted: what position i-1 predicts is label i, so a label at 0 counts for
// nothing. Of an encoder-decoder they are the decoder's, from its start token on,
// and Source is what the encoder reads.
type Row struct {
	IDs, Labels []int32
	Source      []int32
	TaskID      int
	Prompt      int // tokens before the answer, of IDs
	Cut         int // tokens cut from the front of the input
	Line        int
}

// Tokens is how many tokens a row has.
func (r Row) Tokens() int { return len(r.Source) + len(r.IDs) }

// noLabel marks a position without loss.
const noLabel = -100

// Limits are what a model wants of a row.
type Limits struct {
	Tokens   int  // of the longest row, or of each side of an encoder-decoder; 0: no limit
	Vocab    int  // ids are below it
	Truncate bool // cut a longer row at the front of its input

	Encodes bool  // the model is an encoder-decoder
	Start   int32 // which its decoder starts with; it also stands for what has no label
}

// Encode turns an example into tokens. Prompt and answer are encoded apart,
// without BOS; labels are the answer and the end token: the template's, or EOS
// where the vocabulary lacks that. A row longer than the limit is refused, or
// the front of its input is cut, so that instruction, options and answer stay.
// Of an encoder-decoder both sides end with an end token, the source with EOS.
// A pre-tokenised row needs neither tok nor t.
func Encode(tok text.Tokenizer, t *Template, instruction string, ex Example, l Limits) (Row, error) {
	switch {
	case ex.Tokenised() && l.Encodes:
		return pretokenisedPair(ex, l)
	case ex.Tokenised():
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
	beside := len(y) // what a prompt must leave room for
	if l.Encodes {
		if beside = 1; len(y) > l.Tokens && l.Tokens > 0 {
			return Row{}, fault.Inputf(op, "line %d: its answer has %d tokens, the context holds %d", ex.Line, len(y), l.Tokens).Next("shorten it")
		}
	}
	r := Row{TaskID: ex.TaskID, Line: ex.Line}
	if n := len(p) + beside; l.Tokens > 0 && n > l.Tokens {
		if !l.Truncate {
			return Row{}, tooLong(ex.Line, n, l.Tokens)
		}
		short, err := shorten(tok, t, instruction, ex, l.Tokens-beside)
		if err != nil {
			return Row{}, err
		}
		p, r.Cut = short, len(p)-len(short)
	}
	if l.Encodes {
		stop, ok := tok.EOS()
		if !ok {
			stop = end
		}
		r.Source, p = append(p, stop), []int32{l.Start}
	}
	r.Prompt = len(p)
	r.IDs = append(p, y...)
	for range p {
		r.Labels = append(r.Labels, noLabel)
	}
	r.Labels = append(r.Labels, y...)
	for _, id := range slices.Concat(r.Source, r.IDs) {
		if int(id) >= l.Vocab {
			return Row{}, outside(ex.Line, "token", id, l.Vocab)
		}
	}
	return r, nil
}

func outside(line int, what string, id int32, vocab int) error {
	return fault.Inputf(op, "line %d has %s %d, the vocabulary ends at %d", line, what, id, vocab-1).Next("use the tokenizer that belongs to the base")
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
			return Row{}, outside(ex.Line, "token", id, l.Vocab)
		}
		y := ex.Labels[i]
		if !isLabel(y, l) {
			return Row{}, badLabel(ex.Line, y, l)
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

func isLabel(y int32, l Limits) bool { return y == noLabel || y >= 0 && int(y) < l.Vocab }

func badLabel(line int, y int32, l Limits) error {
	return fault.Inputf(op, "line %d has label %d, want -100 or a token below %d", line, y, l.Vocab)
}

// pretokenisedPair checks a row of an encoder-decoder: ids are its encoder's,
// labels what its decoder says. The decoder reads the labels one place later,
// behind its start token.
func pretokenisedPair(ex Example, l Limits) (Row, error) {
	r := Row{Source: ex.InputIDs, IDs: []int32{l.Start}, Labels: []int32{noLabel}, TaskID: ex.TaskID, Prompt: 1, Line: ex.Line}
	for _, id := range r.Source {
		if id < 0 || int(id) >= l.Vocab {
			return Row{}, outside(ex.Line, "token", id, l.Vocab)
		}
	}
	for _, y := range ex.Labels {
		if !isLabel(y, l) {
			return Row{}, badLabel(ex.Line, y, l)
		}
		r.Labels = append(r.Labels, y)
		if y == noLabel {
			y = l.Start
		}
		r.IDs = append(r.IDs, y)
	}
	switch {
	case len(r.Source) == 0:
		return Row{}, fault.Inputf(op, "line %d has no input_ids", ex.Line)
	case len(ex.Labels) == 0:
		return Row{}, fault.Inputf(op, "line %d has no labels", ex.Line).Next("give what the decoder should say")
	case l.Tokens > 0 && len(ex.Labels) > l.Tokens:
		return Row{}, tooLong(ex.Line, len(ex.Labels), l.Tokens)
	}
	if over := len(r.Source) - l.Tokens; l.Tokens > 0 && over > 0 {
		if !l.Truncate {
			return Row{}, tooLong(ex.Line, len(r.Source), l.Tokens)
		}
		r.Source, r.Cut = r.Source[over:], over
	}
	return r, nil
}
