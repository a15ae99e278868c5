package task

import (
	"slices"
	"strings"
)

// pairs are the names of input and output; the first pair that a row or header
// has in full counts, else the first name of each side.
var pairs = [][2]string{{"input", "output"}, {"text", "label"}, {"prompt", "completion"}, {"question", "answer"}, {"sentence", "target"}, {"sentence", "response"}}

const (
	inputNames  = "input, text, prompt, question or sentence"
	outputNames = "output, label, completion, answer, target or response"
)

// sides finds the input and output among names; -1 where there is none.
func sides(names []string) (in, out int) {
	in, out = -1, -1
	for _, p := range pairs {
		i, o := slices.Index(names, p[0]), slices.Index(names, p[1])
		if i >= 0 && o >= 0 {
			return i, o
		}
		if in < 0 {
			in = i
		}
		if out < 0 {
			out = o
		}
	}
	return in, out
}

// unusedOf notes the names that weren't read.
func (r *reader) unusedOf(names []string, used ...int) {
	for i, n := range names {
		if !slices.Contains(used, i) && n != "" && len(r.unused) < MaxFaults {
			r.unused[n] = true
		}
	}
}

// notes writes down what was gathered while reading.
func (r *reader) notes() {
	if len(r.unused) > 0 {
		var names []string
		for n := range r.unused {
			names = append(names, quote(n))
		}
		slices.Sort(names)
		r.note("not used: %s", strings.Join(names, ", "))
	}
	if r.turns > 0 {
		r.note("%d rows of messages: only the last answer and the question before it are used, other turns are left out", r.turns)
	}
}
