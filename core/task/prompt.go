package task

import (
	"strings"

	"handful/core/fault"
	"handful/core/skill"
)

// Template renders examples as text. In its pattern "{input}" and
// "{instruction}" (or the bare word instruction inside brackets) stand for the
// example's parts and "a; b; c" for its options; a part in square brackets
// vanishes when what it holds is empty.
type Template struct {
	parts  []part
	answer string
	chars  int // runes kept of the instruction; 0: all
	End    string
}

type part struct {
	text     string
	optional bool
}

// NewTemplate checks and keeps an inventory's prompt.
func NewTemplate(p skill.Prompt) (*Template, error) {
	t := &Template{answer: p.Answer, chars: p.InstructionChars, End: p.End}
	rest := p.Template
	for rest != "" {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			t.parts = append(t.parts, part{rest, false})
			break
		}
		end := strings.IndexByte(rest[open:], ']')
		if end < 0 {
			return nil, fault.Inputf("prompt", "template %q has a bracket that does not close", p.Template)
		}
		if open > 0 {
			t.parts = append(t.parts, part{rest[:open], false})
		}
		t.parts = append(t.parts, part{rest[open+1 : open+end], true})
		rest = rest[open+end+1:]
	}
	if !strings.Contains(p.Template, "{input}") || !strings.Contains(p.Answer, "{output}") {
		return nil, fault.Inputf("prompt", "template %q and answer %q, want {input} and {output} in them", p.Template, p.Answer)
	}
	return t, nil
}

// Render gives the prompt and the answer of an example. An instruction of the
// example's own wins over the common one.
func (t *Template) Render(instruction string, ex Example) (prompt, answer string, err error) {
	if ex.Instruction != "" {
		instruction = ex.Instruction
	}
	if r := []rune(instruction); t.chars > 0 && len(r) > t.chars {
		instruction = string(r[:t.chars])
	}
	instruction = strings.TrimSpace(instruction)
	options := strings.Join(ex.Options, "; ")
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.render(ex.Input, instruction, options))
	}
	return b.String(), strings.ReplaceAll(t.answer, "{output}", ex.Output), nil
}

// render fills one part. The pattern's words are found before anything is put
// in, so that an example's own text is never read as a pattern.
func (p part) render(input, instruction, options string) string {
	words := []string{"{input}", input, "{instruction}", instruction, "{options}", options}
	if p.optional {
		words = append(words, "instruction", instruction, "a; b; c", options)
		for i := 0; i < len(words); i += 2 {
			if strings.Contains(p.text, words[i]) && words[i+1] == "" {
				return ""
			}
		}
	}
	return strings.NewReplacer(words...).Replace(p.text)
}
