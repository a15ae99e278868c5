package task

import (
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

func TestSidesAreNamed(t *testing.T) {
	for name, x := range map[string]struct {
		s    Sides
		data string
		want []Example
	}{
		"csv by name":       {Sides{Input: "Review", Output: "stars"}, "id,review,stars\r\n1,\"good, really\",5\r\n", []Example{{Input: "good, really", Output: "5", Line: 2}}},
		"by number":         {Sides{Input: "2", Output: "1"}, "\ufeff\n\nmood;review\npos;nice\n", []Example{{Input: "nice", Output: "pos", Line: 4}}},
		"a number's name":   {Sides{Input: "2", Output: "1"}, "2,1,x\na,b,c\n", []Example{{Input: "a", Output: "b", Line: 2}}},
		"tsv, empty head":   {Sides{Input: "text", Output: "3"}, "\ttext\tmood\n0\tnice\tpos\n", []Example{{Input: "nice", Output: "pos", Line: 2}}},
		"instead of a name": {Sides{Input: "title", Output: "label"}, "title,text,label\nnew,old,pos\n", []Example{{Input: "new", Output: "pos", Line: 2}}},
		"one side":          {Sides{Input: "title"}, "title,text,label\nnew,old,pos\n", []Example{{Input: "new", Output: "pos", Line: 2}}},
		"the other side":    {Sides{Output: "mood"}, "text,label,mood\nnice,old,pos\n", []Example{{Input: "nice", Output: "pos", Line: 2}}},
		"no header":         {Sides{Input: "2", Output: "1", NoHeader: true}, "pos,nice\nneg,bad\n", []Example{{Input: "nice", Output: "pos", Line: 2}, {Input: "bad", Output: "neg", Line: 3}}},
		"options stay":      {Sides{Input: "q", Output: "a"}, "q,a,options\nnice?,yes,yes;no\n", []Example{{Input: "nice?", Output: "yes", Options: []string{"yes", "no"}, Line: 2}}},
		"jsonl": {Sides{Input: "review", Output: "Stars"}, `{"text": "old", "review" : "nice", "stars":5, "options": [5, 4]}` + "\n\n" + `{"stars": 4, "review": "a\"b"}`,
			[]Example{{Input: "nice", Output: "5", Options: []string{"5", "4"}, Line: 1}, {Input: `a"b`, Output: "4", Line: 3}}},
		"array": {Sides{Input: "review", Output: "stars"}, "[\n {\"review\": \"nice\",\n  \"stars\": 5},\n {\"review\": \"bad\", \"stars\": 1}\n]", []Example{{Input: "nice", Output: "5", Line: 2}, {Input: "bad", Output: "1", Line: 4}}},
		"none":  {Sides{}, "text,label\nnice,pos\n", []Example{{Input: "nice", Output: "pos", Line: 2}}},
	} {
		text, err := x.s.Name("examples", x.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p := Parse([]byte(text))
		same := func(a, b Example) bool {
			return a.Input == b.Input && a.Output == b.Output && a.Line == b.Line && slices.Equal(a.Options, b.Options)
		}
		if len(p.Faults) > 0 || !slices.EqualFunc(p.Examples, x.want, same) {
			t.Errorf("%s: got %+v and %v of %q, want %+v", name, p.Examples, p.Faults, text, x.want)
		}
	}
}

func TestSidesThatAreNotThere(t *testing.T) {
	for name, x := range map[string]struct {
		s          Sides
		data, want string
	}{
		"csv":        {Sides{Input: "review", Output: "star"}, "id,review,stars\n1,a,b\n", `--output-column "star" is no column; there are 1 "id", 2 "review", 3 "stars"`},
		"number":     {Sides{Input: "4", Output: "2"}, "id,review,stars\n1,a,b\n", `--input-column "4" is no column; there are 1 "id"`},
		"jsonl":      {Sides{Input: "1", Output: "stars"}, `{"review": "a", "stars": 1}`, `--input-column "1" is no column; there are "review", "stars"`},
		"array":      {Sides{Input: "text", Output: "stars"}, `[{"review": "a", "stars": 1}]`, `"text" is no column; there are "review", "stars"`},
		"the same":   {Sides{Input: "a", Output: "1"}, "a,b\nc,d\n", `both column "a"`},
		"no output":  {Sides{Input: "a"}, "a,b\nc,d\n", `no column is named as the output; there are 1 "a", 2 "b"`},
		"no input":   {Sides{Output: "a"}, "a,b\nc,d\n", `no column is named as the input; there are 1 "a", 2 "b"`},
		"headless":   {Sides{Input: "a", Output: "2", NoHeader: true}, "a,b\nc,d\n", `--input-column "a" is no column; there are 1 "a", 2 "b"`},
		"one number": {Sides{Input: "1", NoHeader: true}, "a,b\nc,d\n", `no column is named as the output`},
		"lines":      {Sides{Input: "a", Output: "b"}, "a => b\n", `"a =\u003e b" is no row of a table`},
		"many":       {Sides{Input: "x", Output: "y"}, strings.Repeat("a,", 29) + "a\n", `10 more`},
	} {
		_, err := x.s.Name("held", x.data)
		if f := fault.From("", err); !fault.Is(err, fault.Input) || f.Op != "held" || f.Hint == "" || !strings.Contains(f.Msg, x.want) {
			t.Errorf("%s: got %v, want %q", name, err, x.want)
		}
	}
	// what can't be read, or lacks a side in a later row, is told by its line
	for name, data := range map[string]string{
		"broken":  "{\"review\": \"a\", \"stars\": 1}\n{\"review\": \n",
		"lacking": "{\"review\": \"a\", \"stars\": 1}\n{\"text\": \"b\", \"stars\": 1}\n",
	} {
		text, err := Sides{Input: "review", Output: "stars"}.Name("examples", data)
		if p := Parse([]byte(text)); err != nil || len(p.Examples) != 1 || p.Bad != 1 || !strings.HasPrefix(p.Faults[0].Msg, "line 2") {
			t.Errorf("%s: %v, %+v", name, err, p)
		}
	}
}

// Whatever is named is no bug, and keeps its number of lines but for a header.
func FuzzSides(f *testing.F) {
	f.Add("a", "b", false, "a,b\nc,d\n")
	f.Add("1", "2", true, "\ufeff a\tb\r\n")
	f.Add("x", "", false, "[{\"x\": [1], \"label\": {\"x\": 2}}, {\"y\": 1}]")
	f.Add("x", "y", false, "{\"x\": \"\\u0041\", \"y\": null}\n{\n")
	f.Fuzz(func(t *testing.T, in, out string, headless bool, data string) {
		s := Sides{in, out, headless}
		text, err := s.Name("examples", data)
		if err != nil {
			return
		}
		more := 0
		if got, want := strings.Count(text, "\n"), strings.Count(data, "\n"); got != want {
			if more = got - want; more != 1 || !headless {
				t.Errorf("%+v of %q has %d line ends, want %d", s, data, got, want)
			}
		}
		Parse([]byte(text))
	})
}
