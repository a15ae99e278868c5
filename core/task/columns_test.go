package task

import (
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
)

func TestMapped(t *testing.T) {
	for name, x := range map[string]struct {
		data    string
		in, out int
		header  bool
		want    []Example
	}{
		"csv":          {"review,stars,id\r\n\"good, really\",5,1\r\nbad,1,2\r\n", 0, 1, true, []Example{{Input: "good, really", Output: "5"}, {Input: "bad", Output: "1"}}},
		"other order":  {"id;sentiment;review\n1;pos;nice\n", 2, 1, true, []Example{{Input: "nice", Output: "pos"}}},
		"tsv":          {"a\tb\nx y\tz\n", 0, 1, true, []Example{{Input: "x y", Output: "z"}}},
		"no header":    {"good,pos\nbad,neg\n", 0, 1, false, []Example{{Input: "good", Output: "pos"}, {Input: "bad", Output: "neg"}}},
		"taken names":  {"text,foo,bar\nold,new,pos\n", 1, 2, true, []Example{{Input: "new", Output: "pos"}}},
		"other fields": {"options,foo,bar\nold,new,pos\n", 1, 2, true, []Example{{Input: "new", Output: "pos"}}},
		"bom, blank":   {"\ufeff\n\nfoo,bar\nnew,pos\n", 0, 1, true, []Example{{Input: "new", Output: "pos"}}},
	} {
		if c := ColumnsOf(x.data); c == nil || len(c.Names) < 2 || len(c.Sample) != len(c.Names) {
			t.Errorf("%s: got the columns %+v", name, c)
		}
		text, err := Mapped(x.data, x.in, x.out, x.header)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := Parse([]byte(text))
		if len(p.Faults) > 0 || ColumnsOf(text) != nil {
			t.Errorf("%s: %v in %q", name, p.Faults, text)
		}
		if !slices.EqualFunc(p.Examples, x.want, func(a, b Example) bool { return a.Input == b.Input && a.Output == b.Output && len(a.Options) == 0 }) {
			t.Errorf("%s: got %+v, want %+v", name, p.Examples, x.want)
		}
	}
}

func TestNoColumns(t *testing.T) {
	for _, data := range []string{"", "input,output\na,b\n", "text\tlabel\n", `{"a": 1}`, "[{}]", "a, b => c\n", "one column\n", "PK\x03\x04,", "\"open,quote\n"} {
		if c := ColumnsOf(data); c != nil {
			t.Errorf("%q: got %+v", data, c)
		}
		if _, err := Mapped(data, 0, 1, true); !fault.Is(err, fault.Input) {
			t.Errorf("%q: got %v", data, err)
		}
	}
	for _, x := range [][2]int{{0, 0}, {-1, 1}, {0, 9}} {
		if _, err := Mapped("a,b\nc,d\n", x[0], x[1], true); !fault.Is(err, fault.Input) {
			t.Errorf("columns %v: got %v", x, err)
		}
	}
}

// What is mapped is read as a table with an input and an output.
func FuzzMapped(f *testing.F) {
	f.Add("review,stars\ngood,5\n", 0, 1, true)
	f.Add("a;b;c\n1;2;3", 2, 0, false)
	f.Fuzz(func(t *testing.T, data string, in, out int, header bool) {
		text, err := Mapped(data, in, out, header)
		if err != nil {
			return
		}
		first, _, _ := strings.Cut(text, "\n")
		if _, ok := tableOf(first); !ok {
			t.Errorf("%q is no header of %q", first, data)
		}
		Parse([]byte(text))
	})
}
