package engine

import (
	"strings"
	"testing"
)

// A preview shows a row as it is trained on, to the token.
func TestPreview(t *testing.T) {
	e := pocketEngine(t)
	text := "cat => cats\ncat => cats\ndog => dogs\n"
	p := e.Preview(text, "Say it.", 2)
	if p.Chosen != 2 || !strings.HasPrefix(p.Prompt, "Say it.\nInput: dog\nOutput:") || !strings.HasSuffix(p.Prompt, p.Answer) || p.Answer != " dogs<|im_end|>" {
		t.Errorf("got row %d, %q with the answer %q", p.Chosen, p.Prompt, p.Answer)
	}
	if len(p.Hints) == 0 || !strings.Contains(p.Hints[0], "more than once") {
		t.Errorf("got the hints %v", p.Hints)
	}
	sum := 0
	for _, r := range p.Table {
		sum += r.Tokens
	}
	if len(p.Table) != 3 || sum != p.Tokens || p.Table[2].Input != "dog" || p.Table[2].Line != 3 || p.Table[2].Learn != len(e.tok.Encode(" dogs"))+1 {
		t.Errorf("got the table %+v of %d tokens", p.Table, p.Tokens)
	}
	if p := e.Preview(text, "", 99); p.Chosen != 0 {
		t.Errorf("a row that is not there: got row %d", p.Chosen)
	}
	long := e.Preview(strings.Repeat("word ", 3000)+"=> end", "", 0)
	if len(long.Cut) != 1 || long.Table[0].Cut == 0 || long.Table[0].Tokens != e.model.Config().Context || strings.Count(long.Prompt, "word") > e.model.Config().Context {
		t.Errorf("a long row: cut %+v, table %+v", long.Cut, long.Table)
	}
	if p := e.Preview("review,stars\ngood,5\n", "", 0); p.Columns == nil || p.Columns.Names[1] != "stars" || len(p.Faults) == 0 {
		t.Errorf("a table of other columns: got %+v, %v", p.Columns, p.Faults)
	}
}
