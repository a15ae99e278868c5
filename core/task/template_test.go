package task

import (
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/skill"
)

func TestRenderDefault(t *testing.T) {
	tpl, err := NewTemplate(skill.DefaultPrompt())
	if err != nil {
		t.Fatal(err)
	}
	if tpl.End != "<|im_end|>" {
		t.Errorf("end %q", tpl.End)
	}
	for _, c := range []struct {
		instruction string
		ex          Example
		want        string
	}{
		{"", Example{Input: "x"}, "Input: x\nOutput:"},
		{"Do it.", Example{Input: "x", Output: "y", Options: []string{"a", "b"}}, "Do it.\nInput: x\nOptions: a; b\nOutput:"},
		{"", Example{Input: " {input} [instruction] a; b; c {{ \n"}, "Input:  {input} [instruction] a; b; c {{ \n\nOutput:"},
		{"{input}", Example{Input: "x", Options: []string{"{output}"}}, "{input}\nInput: x\nOptions: {output}\nOutput:"},
		{strings.Repeat("é", 300), Example{Input: "x"}, strings.Repeat("é", 200) + "\nInput: x\nOutput:"},
		{strings.Repeat("👍", 199) + " tail", Example{Input: "x"}, strings.Repeat("👍", 199) + "\nInput: x\nOutput:"},
		{" spaces \n", Example{Input: "x"}, "spaces\nInput: x\nOutput:"},
		{" \n", Example{Input: "x"}, "Input: x\nOutput:"},
		{"common", Example{Input: "x", Instruction: "own"}, "own\nInput: x\nOutput:"},
		{"", Example{}, "Input: \nOutput:"},
	} {
		got, answer, err := tpl.Render(c.instruction, c.ex)
		if err != nil || got != c.want || answer != " "+c.ex.Output {
			t.Errorf("got %q, %q, %v; want %q", got, answer, err, c.want)
		}
	}
}

func TestOtherTemplates(t *testing.T) {
	full := Example{Input: "X", Output: "Y", Options: []string{"p", "q"}}
	for _, c := range []struct {
		template, answer string
		full, bare       string // with instruction and options, without
	}{
		{"{instruction}|{input}|{options}", "{output}", "I|X|p; q", "|X|"},
		{"[{instruction}: ]{input}[ ({options})]", "{output}", "I: X (p; q)", "X"},
		{"[{instruction} of {options}: ]{input}", "{output}", "I of p; q: X", "X"},
		{"[my instruction here ]{input}", "{output}", "my I here X", "X"},
		{"instruction a; b; c {input}", "{output}", "instruction a; b; c X", "instruction a; b; c X"},
		{"[instruction of {options} ]{input}", "{output}", "instruction of p; q X", "X"},
		{"[[INST]] {{{input}}} [[/INST]]", "{output}", "[INST] {X} [/INST]", "[INST] {X} [/INST]"},
		{"<s>[[[instruction]]]{input}", "{output}", "<s>[I]X", "<s>[X"},
		{"{input}{input}", "<{output}>", "XX", "XX"},
	} {
		tpl, err := NewTemplate(skill.Prompt{Template: c.template, Answer: c.answer})
		if err != nil {
			t.Errorf("%q: %v", c.template, err)
			continue
		}
		got, answer, _ := tpl.Render("I", full)
		bare, _, _ := tpl.Render("", Example{Input: "X"})
		if got != c.full || bare != c.bare || answer != strings.Replace(c.answer, "{output}", "Y", 1) {
			t.Errorf("%q gives %q, %q and answer %q, want %q, %q", c.template, got, bare, answer, c.full, c.bare)
		}
	}
}

func TestTemplateFaults(t *testing.T) {
	for _, c := range []struct {
		p    skill.Prompt
		says string
	}{
		{skill.Prompt{Template: "", Answer: "{output}"}, "want {input}"},
		{skill.Prompt{Template: "x", Answer: "{output}"}, "want {input}"},
		{skill.Prompt{Template: "{input}{output}", Answer: "{output}"}, "no {output}"},
		{skill.Prompt{Template: "[instruction {input}", Answer: "{output}"}, "does not close"},
		{skill.Prompt{Template: "{input}] x", Answer: "{output}"}, "] at 7 closes nothing"},
		{skill.Prompt{Template: "[a[instruction]]{input}", Answer: "{output}"}, "bracket in brackets at 2"},
		{skill.Prompt{Template: "[nothing]{input}", Answer: "{output}"}, "has no field"},
		{skill.Prompt{Template: "[]{input}", Answer: "{output}"}, "has no field"},
		{skill.Prompt{Template: "{input} {inptu}", Answer: "{output}"}, "no field at 8"},
		{skill.Prompt{Template: "{input} {", Answer: "{output}"}, "no field at 8"},
		{skill.Prompt{Template: "{input} {}", Answer: "{output}"}, "no field at 8"},
		{skill.Prompt{Template: "{input} } x", Answer: "{output}"}, "} at 8 closes nothing"},
		{skill.Prompt{Template: "{input}", Answer: "x"}, "want {output}"},
		{skill.Prompt{Template: "{input}", Answer: ""}, "want {output}"},
		{skill.Prompt{Template: "{input}", Answer: "{output}{output}"}, "once"},
		{skill.Prompt{Template: "{input}", Answer: "{input} {output}"}, "nothing else"},
		{skill.Prompt{Template: "{input}", Answer: "[{output}]"}, "nothing else"},
		{skill.Prompt{Template: "{input}", Answer: "{output}", InstructionChars: -1}, "instruction_chars"},
	} {
		if _, err := NewTemplate(c.p); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an Input fault with %q", c.p, err, c.says)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(skill.DefaultPrompt().Template, " {output}")
	f.Add("[[{input}]]", "{output")
	f.Fuzz(func(t *testing.T, template, answer string) {
		tpl, err := NewTemplate(skill.Prompt{Template: template, Answer: answer})
		if err != nil {
			return
		}
		p, a, err := tpl.Render("I", Example{Input: "\x00in", Output: "\x00out", Options: []string{"a"}})
		if err != nil || !strings.Contains(p, "\x00in") && !strings.Contains(template, "[") || !strings.Contains(a, "\x00out") {
			t.Fatalf("%q, %q give %q, %q, %v", template, answer, p, a, err)
		}
	})
}
