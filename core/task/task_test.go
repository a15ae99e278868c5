package task

import (
	"reflect"
	"strings"
	"testing"

	"handful/core/skill"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, data string
		format     Format
		want       []Example
		faults     []string // each must be part of the fault at its place
	}{
		{"jsonl", "{\"input\":\"a\",\"output\":\"b\"}\r\n\n{\"text\":\"c\",\"label\":1}\n", JSONL, []Example{{Input: "a", Output: "b", Line: 1}, {Input: "c", Output: "1", Line: 3}}, nil},
		{"byte order mark", "\xef\xbb\xbf{\"prompt\":\"a\",\"completion\":true}", JSONL, []Example{{Input: "a", Output: "true", Line: 1}}, nil},
		{"options", `{"input":"a","output":"b","options":["b","c",3]}`, JSONL, []Example{{Input: "a", Output: "b", Options: []string{"b", "c", "3"}, Line: 1}}, nil},
		{"messages", `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"x"}]}`, JSONL,
			[]Example{{Input: "u", Output: "x", Instruction: "s", Line: 1}}, nil},
		{"ids", `{"input_ids":[1,2],"labels":[-100,2],"task_id":3}`, JSONL, []Example{{InputIDs: []int32{1, 2}, Labels: []int32{-100, 2}, TaskID: 3, Line: 1}}, nil},
		{"array", "[{\"input\":\"a\",\"output\":\"b\"}]", JSON, []Example{{Input: "a", Output: "b", Line: 1}}, nil},
		{"csv", "text,label\n\"a, \"\"b\"\"\nc\",x\n", CSV, []Example{{Input: "a, \"b\"\nc", Output: "x", Line: 2}}, nil},
		{"tsv", "Label\tText\nx\ta\n", TSV, []Example{{Input: "a", Output: "x", Line: 2}}, nil},
		{"lines", "a => b\nc => d => e\n", Lines, []Example{{Input: "a", Output: "b", Line: 1}, {Input: "c => d", Output: "e", Line: 2}}, nil},
		{"emoji and right to left", "👩‍👩‍👧 שלום => ok", Lines, []Example{{Input: "👩‍👩‍👧 שלום", Output: "ok", Line: 1}}, nil},
		{"empty", " \n\t", "", nil, []string{"line 1: no examples"}},
		{"empty array", "[]", JSON, nil, []string{"no examples"}},
		{"header only", "input,output\n", CSV, nil, []string{"a header and no rows"}},
		{"no label", "{\"input\":\"a\"}\n{\"input\":\"a\",\"output\":\" \"}", JSONL, nil, []string{"line 1: no output; want a key", "line 2: no output"}},
		{"bad json", "{\"input\":", JSONL, nil, []string{"line 1: malformed JSON"}},
		{"label lengths", `{"input_ids":[1,2],"labels":[1]}`, JSONL, nil, []string{"as long as"}},
		{"task id", `{"input_ids":[1],"labels":[1],"task_id":-1}`, JSONL, nil, []string{"task_id"}},
		{"utf-16", "\xff\xfea\x00", "", nil, []string{"UTF-16"}},
		{"nul", "a => b\nc\x00 => d", "", nil, []string{"line 2: a NUL byte"}},
		{"not utf-8", "a => b\n\xe9 => d", "", nil, []string{"line 2: bytes that are not UTF-8"}},
		{"no arrow", "just words", Lines, nil, []string{"want `text => label`"}},
		{"short record", "input,output\na\n", CSV, nil, []string{"line 2: 1 columns"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Parse([]byte(c.data))
			if p.Format != c.format || !reflect.DeepEqual(p.Examples, c.want) {
				t.Errorf("got %s %+v, want %s %+v", p.Format, p.Examples, c.format, c.want)
			}
			if len(p.Faults) != len(c.faults) {
				t.Fatalf("got %d faults %v, want %d", len(p.Faults), p.Faults, len(c.faults))
			}
			for i, f := range p.Faults {
				if !strings.Contains(f.Error(), c.faults[i]) {
					t.Errorf("fault %q, want %q in it", f, c.faults[i])
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a => b", `{"input":"a","output":"b"}`, "[{}]", "input,output\n\"a", "\xff", "{\"messages\":[null]}", "text\tlabel\na\tb"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := Parse(b)
		if len(p.Examples) == 0 && len(p.Faults) == 0 {
			t.Errorf("%q gives neither rows nor a fault", b)
		}
		for _, x := range p.Examples {
			if x.InputIDs != nil && len(x.InputIDs) != len(x.Labels) {
				t.Errorf("%q gives %d ids and %d labels", b, len(x.InputIDs), len(x.Labels))
			}
		}
		Hints(p.Examples)
	})
}

func TestRender(t *testing.T) {
	tpl, err := NewTemplate(skill.DefaultPrompt())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		instruction string
		ex          Example
		want        string
	}{
		{"", Example{Input: "x"}, "Input: x\nOutput:"},
		{"Do it.", Example{Input: "x", Options: []string{"a", "b"}}, "Do it.\nInput: x\nOptions: a; b\nOutput:"},
		{"", Example{Input: "{input} [instruction] a; b; c"}, "Input: {input} [instruction] a; b; c\nOutput:"},
		{strings.Repeat("é", 300), Example{Input: "x"}, strings.Repeat("é", 200) + "\nInput: x\nOutput:"},
		{"common", Example{Input: "x", Instruction: "own"}, "own\nInput: x\nOutput:"},
	} {
		got, answer, err := tpl.Render(c.instruction, c.ex)
		if err != nil || got != c.want || answer != " "+c.ex.Output {
			t.Errorf("got %q, %q, %v; want %q", got, answer, err, c.want)
		}
	}
	for _, bad := range []skill.Prompt{{Template: "[{input}", Answer: "{output}"}, {Template: "x", Answer: "{output}"}, {Template: "{input}", Answer: "x"}} {
		if _, err := NewTemplate(bad); err == nil {
			t.Errorf("template %+v must be refused", bad)
		}
	}
}

func TestSplitsAreBalancedSeededAndDisjoint(t *testing.T) {
	var exs []Example
	for i := 0; i < 40; i++ {
		exs = append(exs, Example{Input: strings.Repeat("x", i/2+1), Output: []string{"a", "b", "b", "b"}[i/2%4], Line: i + 1})
	}
	train, held := Split(exs, 0.25, 7)
	if len(train)+len(held) != 40 || len(held) < 10 || len(held) > 11 {
		t.Fatalf("%d + %d rows of 40", len(train), len(held))
	}
	in := map[string]bool{}
	for _, x := range train {
		in[x.Input] = true
	}
	classes := map[string]int{}
	for _, x := range held {
		classes[x.Output]++
		if in[x.Input] {
			t.Errorf("%q stands on both sides", x.Input)
		}
	}
	if classes["a"] < 4 {
		t.Errorf("held-out classes %v, want them even", classes)
	}
	again, _ := Split(exs, 0.25, 7)
	other, _ := Split(exs, 0.25, 8)
	if !reflect.DeepEqual(train, again) || reflect.DeepEqual(train, other) {
		t.Error("a seed must give the same split, another seed another one")
	}
	shots, rest := Shots(exs, 8, 1)
	if len(shots) != 8 || len(rest) != 32 {
		t.Errorf("%d shots, %d rest", len(shots), len(rest))
	}
}

func TestBatches(t *testing.T) {
	if got := Batches(5, 2, 4, "file", 0); !reflect.DeepEqual(got, [][]int{{0, 1}, {2, 3}, {4, 0}, {1, 2}}) {
		t.Errorf("file order %v", got)
	}
	seen := map[int]int{}
	for _, b := range Batches(5, 2, 5, "shuffle", 3) {
		for _, i := range b {
			seen[i]++
		}
	}
	for i := 0; i < 5; i++ {
		if seen[i] != 2 {
			t.Errorf("row %d was drawn %d times in two epochs", i, seen[i])
		}
	}
	if b := Batches(3, 8, 1, "shuffle", 1)[0]; len(b) != 3 {
		t.Errorf("a batch of %d from 3 rows", len(b))
	}
}

func TestPretokenised(t *testing.T) {
	l := Limits{Tokens: 4, Vocab: 10}
	for _, c := range []struct {
		ids, labels []int32
		want        string
	}{
		{[]int32{1, 2}, []int32{-100, 2}, ""},
		{[]int32{1, 10}, []int32{-100, 2}, "token 10"},
		{[]int32{1, 2}, []int32{-100, 10}, "label 10"},
		{[]int32{1, 2}, []int32{1, -100}, "no label"},
		{[]int32{1, 2, 3, 4, 5}, []int32{-100, -100, -100, 1, 2}, "5 tokens, the context holds 4"},
	} {
		_, err := Encode(nil, nil, "", Example{InputIDs: c.ids, Labels: c.labels, Line: 1}, l)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: got %v, want %q", c.ids, c.labels, err, c.want)
		}
	}
	l.Truncate = true
	r, err := Encode(nil, nil, "", Example{InputIDs: []int32{1, 2, 3, 4, 5}, Labels: []int32{-100, -100, -100, 1, 2}}, l)
	if err != nil || r.Cut != 1 || len(r.IDs) != 4 || r.IDs[0] != 2 {
		t.Errorf("cut row %+v, %v", r, err)
	}
}
