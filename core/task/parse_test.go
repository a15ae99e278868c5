package task

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

// row is an example of text.
func row(line int, in, out string) Example { return Example{Input: in, Output: out, Line: line} }

func TestParseGood(t *testing.T) {
	ab := []Example{row(1, "a", "b")}
	for _, c := range []struct {
		name, data string
		format     Format
		want       []Example
		note       string
	}{
		{"jsonl", "{\"input\":\"a\",\"output\":\"b\"}\r\n\n{\"text\":\"c\",\"label\":1.50}\n", JSONL, []Example{row(1, "a", "b"), row(3, "c", "1.50")}, ""},
		{"mark", "\ufeff{\"prompt\":\"a\",\"completion\":true}", JSONL, []Example{row(1, "a", "true")}, ""},
		{"question", `{"question":7,"answer":false}`, JSONL, []Example{row(1, "7", "false")}, ""},
		{"large names", `{"Input":"a","OUTPUT":"b"}`, JSONL, ab, ""},
		{"whole pair first", `{"prompt":"x","text":"a","label":"b"}`, JSONL, ab, `not used: "prompt"`},
		{"any pair else", `{"question":"a","label":"b","id":3}`, JSONL, ab, `not used: "id"`},
		{"null is absent", `{"input":"a","output":"b","options":null,"task_id":null,"instruction":null}`, JSONL, ab, ""},
		{"everything", `{"input":"a","output":"b","options":["b","c",3],"instruction":"i","task_id":3}`, JSONL,
			[]Example{{Input: "a", Output: "b", Options: []string{"b", "c", "3"}, Instruction: "i", TaskID: 3, Line: 1}}, ""},
		{"no input but an instruction", `{"input":"","output":"b","instruction":"i"}`, JSONL, []Example{{Output: "b", Instruction: "i", Line: 1}}, ""},
		{"escapes", `{"input":"\ud83d\ude00 \\ud800 \u00e9\t","output":"b"}`, JSONL, []Example{row(1, "😀 \\ud800 é\t", "b")}, ""},
		{"messages", `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":[{"type":"text","text":"x"}]}]}`, JSONL,
			[]Example{{Input: "u", Output: "x", Instruction: "s", Line: 1}}, ""},
		{"turns", `{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":"3"},{"role":"assistant","content":"4"}]}`, JSONL,
			[]Example{row(1, "3", "4")}, "other turns are left out"},
		{"ids", `{"input_ids":[1, 2],"labels":[-100,2],"task_id":3,"attention_mask":[1,1]}`, JSONL, []Example{{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}, TaskID: 3, Line: 1}}, ""},
		{"ids of an encoder", `{"input_ids":[1,2],"labels":[2]}`, JSONL, []Example{{InputIDs: []int32{1, 2}, Labels: []int32{2}, Line: 1}}, ""},
		{"array", "[{\"input\":\"a\",\"output\":\"b\"},\n\n  {\"input\":\"c\",\n\"output\":\"d\"} ,{\"input\":\"e\",\"output\":\"f\"}]\n", JSON, []Example{row(1, "a", "b"), row(3, "c", "d"), row(4, "e", "f")}, ""},
		{"csv", "text,label\n\"a, \"\"b\"\"\nc\",x\n\n d , y \r\n", CSV, []Example{row(2, "a, \"b\"\nc", "x"), row(5, "d", "y")}, ""},
		{"csv of Excel in Europe", "Input;Output;Options\na;b;\"b;c\"\n", CSV, []Example{{Input: "a", Output: "b", Options: []string{"b", "c"}, Line: 2}}, ""},
		{"csv with more", "id,input,output,options,task_id,instruction\n7,a,b,\"[\"\"b\"\",\"\"c; d\"\"]\",2,i\n,,,,,\n", CSV,
			[]Example{{Input: "a", Output: "b", Options: []string{"b", "c; d"}, TaskID: 2, Instruction: "i", Line: 2}}, `not used: "id"`},
		{"arrows in csv", "input,output\na => b,c\n", CSV, []Example{row(2, "a => b", "c")}, ""},
		{"tsv", "Label\tText\nx\ta, b\n", TSV, []Example{row(2, "a, b", "x")}, ""},
		{"tsv with paired quotes", "label\ttext\nx\t\"a\tb\"\"\"\n", TSV, []Example{row(2, "a\tb\"", "x")}, ""},
		{"tsv with loose quotes", "label\ttext\r\nx\t\"Hi\" she said\r\ny\t5\" disk\r\n", TSV, []Example{row(2, "\"Hi\" she said", "x"), row(3, "5\" disk", "y")}, "quotes are read as characters"},
		{"lines", "a => b\n\n c => d => e \n", Lines, []Example{row(1, "a", "b"), row(3, "c => d", "e")}, ""},
		{"lines with brackets", "[x] => {y}\n{x} => [y]", Lines, []Example{row(1, "[x]", "{y}"), row(2, "{x}", "[y]")}, ""},
		{"other scripts", "👩‍👩‍👧 שלום => ok", Lines, []Example{row(1, "👩‍👩‍👧 שלום", "ok")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Parse([]byte(c.data))
			if p.Err() != nil || p.Format != c.format || !reflect.DeepEqual(p.Examples, c.want) {
				t.Errorf("got %s %+v, %v, want %s %+v", p.Format, p.Examples, p.Err(), c.format, c.want)
			}
			if notes := strings.Join(p.Notes, "; "); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

func TestFault35ParseFaults(t *testing.T) {
	good := `{"input":"a","output":"b"}`
	for _, c := range []struct {
		name, data string
		good       int      // rows that are read all the same
		faults     []string // each begins the fault at its place
	}{
		{"empty", " \n\t", 0, []string{"no examples: the file is empty"}},
		{"nothing", "", 0, []string{"no examples"}},
		{"only a mark", "\ufeff", 0, []string{"no examples"}},
		{"empty array", "[]", 0, []string{"no examples: the file has no rows"}},
		{"header only", "input,output\n", 0, []string{"no examples: the file has no rows"}},
		{"UTF-16", "\xff\xfea\x00", 0, []string{"this is text in UTF-16"}},
		{"UTF-16 without mark", "a\x00=\x00>\x00b\x00", 0, []string{"this is text in UTF-16"}},
		{"zip", "PK\x03\x04xxxx", 0, []string{"this is a ZIP archive"}},
		{"parquet", "PAR1\x15\x04", 0, []string{"this is a Parquet file"}},
		{"page", "<!doctype html><p>", 0, []string{"this is a web page"}},
		{"binary", strings.Repeat("ab\xff\n", 1500), 0, []string{"this is no text in UTF-8: more than 1000"}},
		{"NUL", "a => b\nc\x00 => d\ne => f", 2, []string{"line 2, column 2: a NUL character"}},
		{"not UTF-8", good + "\n{\"input\":\"é\xe9\",\"output\":\"b\"}\n" + good, 2, []string{"line 2, column 12: a byte that is not UTF-8"}},
		{"not UTF-8 in csv", "input,output\n\"x\n\xff\",y\nc,d\n\xff", 1, []string{"line 3, column 1: a byte", "line 5, column 1: a byte"}},
		{"not UTF-8 in an array", "[{\"input\":\"a\",\n\"output\":\"\xff\"},\n" + good + "]", 1, []string{"line 2, column 11: a byte"}},
		{"prose", "just words", 0, []string{"line 1: \"just words\" is no example"}},
		{"half of lines", "a => b\nc\nd =>\n=> e", 1, []string{`line 2: no => between`, "line 3: the output is empty", "line 4: the input is empty"}},
		{"no label", "{\"input\":\"a\"}\n{\"input\":\"a\",\"output\":\" \"}\n{\"input\":\"a\",\"output\":null}", 0, []string{"line 1: no output, want", "line 2: the output is empty", "line 3: no output"}},
		{"no input", `{"output":"a"}`, 0, []string{"line 1: no input, want"}},
		{"null input", `{"input":null,"output":"a"}`, 0, []string{"line 1: the input is empty"}},
		{"list for text", `{"input":"é","output":["b"]}`, 0, []string{`line 1, column 23: "output" is a list`}},
		{"object for text", `{"input":{},"output":"b"}`, 0, []string{`line 1, column 10: "input" is an object`}},
		{"cut json", "{\"input\":\n" + good, 1, []string{"line 1, column 10: not JSON: unexpected end"}},
		{"bad json", "{\"input\":\"a\",}\n" + good + "\n" + good + " x", 1, []string{"line 1, column 14: not JSON", "line 3, column 28: not JSON"}},
		{"python", "{'input': 'a'}", 0, []string{"line 1"}},
		{"one object", "{\n\"input\":\"a\",\n\"output\":\"b\"}", 0, []string{"line 1: this is one JSON object over many lines"}},
		{"twice", `{"input":"a","output":"b","Output":"c"}`, 0, []string{`line 1, column 36: "output" is there twice`}},
		{"half a character", `{"input":"a\ud83d","output":"b"}` + "\n" + `{"input":"a","output":"\udE00\ud83d"}`, 0, []string{`line 1, column 10: "input" holds \ud83d`, `line 2, column 23: "output" holds \udE00`}},
		{"half in messages", `{"messages":[{"role":"user","content":"\ud83dx"}]}`, 0, []string{`line 1, column 13: "messages" hold \ud83d`}},
		{"options", `{"input":"a","output":"b","options":"b"}` + "\n" + `{"input":"a","output":"b","options":[null]}`, 0, []string{`line 1, column 37: "options" is not a list`, `line 2, column 37: "options" of options: one is null`}},
		{"task", `{"input_ids":[1],"labels":[1],"task_id":-1}` + "\n" + `{"input":"a","output":"b","task_id":1.5}`, 0, []string{`line 1, column 41: "task_id" is "-1"`, `line 2, column 37: "task_id" is "1.5"`}},
		{"ids", `{"input_ids":[1,null],"labels":[1,2]}` + "\n" + `{"input_ids":[1,2.5],"labels":[1,2]}` + "\n" + `{"input_ids":[1,"2"],"labels":[1,2]}` + "\n" + `{"input_ids":[4294967296],"labels":[2]}`, 0,
			[]string{`line 1, column 14: "input_ids" holds "null"`, `line 2, column 14: "input_ids" holds "2.5"`, `line 3, column 14: "input_ids" holds`, `line 4, column 14: "input_ids" holds "4294967296"`}},
		{"ids alone", `{"input_ids":[1]}`, 0, []string{"line 1: input_ids and labels go together"}},
		{"padding", `{"input_ids":[1,2],"labels":[1,2],"attention_mask":[1,0]}`, 0, []string{`line 1, column 52: "attention_mask" marks padding`}},
		{"roles", `{"messages":[{"role":"tool","content":"x"}]}` + "\n" + `{"messages":[{"role":"user","content":"x"}]}` + "\n" + `{"messages":[{"role":"assistant","content":"x"}]}` + "\n" + `{"messages":"x"}` + "\n" +
			`{"messages":[{"role":"user","content":[{"type":"image"}]},{"role":"assistant","content":"x"}]}`, 0,
			[]string{`line 1, column 13: "messages" has the role "tool"`, `line 2, column 13: "messages" has no message of the assistant`, `line 3, column 13: "messages" has no message of the user`,
				`line 4, column 13: "messages" is not a list`, `line 5, column 13: "messages" has content that is of type "image"`}},
		{"array of others", "[" + good + ",\n7,\n \"x\", {\"input\":\"a\",\n  \"output\":[]},null," + good + "]", 2,
			[]string{`line 2, column 1: "7", want an object`, `line 3, column 2: "\"x\"", want`, `line 4, column 12: "output" is a list`, `line 4, column 16: "null", want`}},
		{"loose quotes over lines", "label\ttext\nx\t\"b\nc\" d\n", 1, []string{"line 3: 1 cells, want 2"}},
		{"array cut", "[" + good + ",\n{\"input\":", 1, []string{"line 2, column 10: not JSON"}},
		{"array never closed", "[" + good + "\n", 1, []string{"line 2, column 1: the array is never closed"}},
		{"text after an array", "[" + good + "]\nx", 1, []string{"line 1, column 29: text after"}},
		{"no header", "hello,world\na,b\n", 0, []string{"line 1: the first line names no columns"}},
		{"no header in tsv", "hello\tworld\n", 0, []string{"line 1: the first line names no columns: \"hello\\tworld\", want a header such as input<tab>output"}},
		{"one column", "text\na\n", 0, []string{"line 1: \"text\" is no example, and one column is not enough"}},
		{"no output column", "text,id\na,b\n", 0, []string{"line 1: the header has no column for the output"}},
		{"no input column", "label,id\na,b\n", 0, []string{"line 1: the header has no column for the input"}},
		{"columns twice", "text,label,Label\na,b,c\n", 0, []string{`line 1: two columns are named "label"`}},
		{"cells", "input,output\na\na,b,c\n\"x\",y\nz,\n,q\n", 1, []string{"line 2: 1 cells, want 2", "line 3: 3 cells", "line 5: the output is empty", "line 6: the input is empty"}},
		{"bare quote", "input,output\nc,d\né 5\" disk,b\ne,f\n", 2, []string{"line 3, column 4: a quote in a cell"}},
		{"text after quote", "input,output\n\"a\"x,b\nc,d\n", 1, []string{"line 2: the quotes don't pair"}},
		{"quote never closed", "input,output\nc,d\n\"a,b\ne,f\n", 1, []string{"line 3: the quotes don't pair"}},
		{"csv task", "input,output,task_id\na,b,x\n", 0, []string{`line 2: task_id is "x"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Parse([]byte(c.data))
			if len(p.Examples) != c.good || p.Bad != len(c.faults) || len(p.Faults) != p.Bad {
				t.Fatalf("%d rows and %d faults %v, want %d and %d", len(p.Examples), p.Bad, p.Faults, c.good, len(c.faults))
			}
			for i, f := range p.Faults {
				if !strings.HasPrefix(f.Msg, c.faults[i]) {
					t.Errorf("fault %q, want %q", f.Msg, c.faults[i])
				}
			}
			if err := p.Err(); !fault.Is(err, fault.Input) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want an Input fault of one line", err)
			}
		})
	}
}

func TestParseManyFaults(t *testing.T) {
	p := Parse([]byte(strings.Repeat("{\n", 100) + `{"input":"a","output":"b"}`))
	if p.Bad != 100 || len(p.Faults) != MaxFaults || len(p.Examples) != 1 {
		t.Errorf("%d faults, %d kept, %d rows", p.Bad, len(p.Faults), len(p.Examples))
	}
	if err := p.Err(); !strings.Contains(err.Error(), "(and 99 more faults)") {
		t.Error(err)
	}
}

func TestParseLarge(t *testing.T) {
	start := time.Now()
	line := strings.Repeat("many words ", 100_000) // 1.1 MB
	for name, data := range map[string]string{"jsonl": `{"input":"` + line + `","output":"b"}`, "csv": "input,output\n\"" + line + "\",b", "lines": line + "=> b"} {
		if p := Parse([]byte(data)); p.Bad > 0 || len(p.Examples) != 1 || len(p.Examples[0].Input) < 1_000_000 {
			t.Errorf("%s: one long line: %v", name, p.Err())
		}
	}
	oneLine := "[" + strings.Repeat(`{"input":"a","output":"b"},`, MaxRows/2) + strings.Repeat("{},", MaxRows/2) + `{"input":"a","output":"b"}]`
	if p := Parse([]byte(oneLine)); len(p.Examples) != MaxRows/2+1 || p.Bad != MaxRows/2 {
		t.Errorf("an array on one line: %d rows, %d faults", len(p.Examples), p.Bad)
	}
	for name, f := range map[string]func(i int) string{
		"jsonl": func(i int) string { return fmt.Sprintf(`{"input":"%d","output":"b"}`, i) },
		"array": func(i int) string {
			return "[,"[min(i, 1):min(i, 1)+1] + fmt.Sprintf(`{"input":"%d","output":"b"}`, i)
		},
		"csv":   func(i int) string { return []string{"input,output", fmt.Sprintf("%d,b", i)}[min(i, 1)] },
		"lines": func(i int) string { return fmt.Sprintf("%d => b", i) },
	} {
		var b strings.Builder
		for i := range MaxRows + 2 {
			b.WriteString(f(i) + "\n")
		}
		data := b.String()
		if name == "array" {
			data += "]"
		}
		p := Parse([]byte(data))
		if len(p.Examples) != MaxRows || p.Bad != 1 || !strings.Contains(p.Faults[0].Msg, "more than 100000 rows") {
			t.Errorf("%s: %d rows, %v", name, len(p.Examples), p.Faults)
		}
	}
	// A few seconds; hours if anything were quadratic.
	d := time.Since(start)
	if t.Logf("eight large files: %v", d); d > 5*time.Minute {
		t.Errorf("%v for eight large files", d)
	}
}

func TestJSONLinesReadsBack(t *testing.T) {
	exs := []Example{
		{Input: "a\n\"<b>\"", Output: "x", Options: []string{"x", "y"}, Instruction: "i", Line: 1},
		{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}, TaskID: 3, Line: 2},
	}
	if p := Parse([]byte(JSONLines(exs))); p.Err() != nil || !reflect.DeepEqual(p.Examples, exs) {
		t.Errorf("%+v, %v", p.Examples, p.Err())
	}
}

func sample(t testing.TB, name string) []Example {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	p := Parse(b)
	if p.Err() != nil || len(p.Examples) != 120 {
		t.Fatalf("%s: %d rows, %v", name, len(p.Examples), p.Err())
	}
	return p.Examples
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a => b", `{"input":"a","output":"b"}`, "[{}]", "[{\n},", "input,output\n\"a", "\xff", `{"messages":[null]}`, "text\tlabel\na\tb\"",
		`{"input_ids":[1],"labels":[]}`, "{\"a\":\"\\ud800\"}", "input;output\n\"a\"\"\nb\";c\n;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := Parse(b)
		if len(p.Examples) == 0 && p.Err() == nil || p.Bad < len(p.Faults) || len(p.Faults) > MaxFaults {
			t.Fatalf("%q gives %d rows, %d faults, %d kept", b, len(p.Examples), p.Bad, len(p.Faults))
		}
		lines, size := 1+strings.Count(string(b), "\n"), 0
		for _, x := range p.Examples {
			if x.Line < 1 || x.Line > lines {
				t.Fatalf("%q has a row in line %d of %d", b, x.Line, lines)
			}
			size += len(x.Input) + len(x.Output) + len(x.InputIDs)
		}
		if size > 4*len(b) {
			t.Fatalf("%d bytes give rows of %d", len(b), size)
		}
		Hints(p.Examples)
		again := Parse([]byte(JSONLines(p.Examples)))
		if len(p.Examples) > 0 && (again.Err() != nil || len(again.Examples) != len(p.Examples)) {
			t.Fatalf("%q does not read back: %v", b, again.Err())
		}
		if _, err := json.Marshal(p.Notes); err != nil {
			t.Fatal(err)
		}
	})
}
