package task

import (
	"strings"

	"handful/core/fault"
	"handful/core/skill"
)

// Template renders examples as text.
//
// In its pattern, {input}, {instruction} and {options} stand for the example's
// fields, options being joined by "; ". A part in [square brackets] vanishes
// when a field in it is empty. A part without such a field holds one by its
// plain words instead: "instruction" is {instruction}, "a; b; c" is {options}.
// [[ ]] {{ }} are those characters themselves. Parts don't lie in one another.
// The shipped pattern is
//
//	[instruction\n]Input: {input}[\nOptions: a; b; c]\nOutput:
//
// The answer's pattern has {output} and no other field. What an example holds
// is put in as it is and never read as a pattern.
type Template struct {
	parts  []part
	answer []piece
	chars  int // characters kept of the instruction; 0: all

	// End is the name of the token that ends an answer.
	End string
}

// A part is some pieces in a row.
type part struct {
	pieces   []piece
	optional bool
}

// A piece is text, or a field's place.
type piece struct {
	text  string
	field field
}

type field uint8

const (
	literal field = iota
	input
	instruction
	options
	output
)

var fieldNames = map[string]field{"input": input, "instruction": instruction, "options": options, "output": output}

// NewTemplate reads an inventory's prompt. A pattern that isn't one is an
// Input fault.
func NewTemplate(p skill.Prompt) (*Template, error) {
	const op = "prompt"
	if p.InstructionChars < 0 {
		return nil, fault.Inputf(op, "instruction_chars %d, want 0 (all) or more", p.InstructionChars)
	}
	t := &Template{chars: p.InstructionChars, End: p.End}
	var err error
	if t.parts, err = pattern(op, p.Template); err != nil {
		return nil, err
	}
	if n := count(t.parts, input); n == 0 || count(t.parts, output) > 0 {
		return nil, fault.Inputf(op, "template %q, want {input} in it and no {output}", p.Template)
	}
	answer, err := pattern(op, p.Answer)
	if err != nil {
		return nil, err
	}
	if len(answer) != 1 || answer[0].optional || count(answer, output) != 1 || count(answer, input, instruction, options) > 0 {
		return nil, fault.Inputf(op, "answer %q, want {output} in it once and nothing else that changes", p.Answer)
	}
	t.answer = answer[0].pieces
	return t, nil
}

func count(parts []part, fields ...field) (n int) {
	for _, p := range parts {
		for _, c := range p.pieces {
			for _, f := range fields {
				if c.field == f {
					n++
				}
			}
		}
	}
	return n
}

// pattern reads parts, and what is outside brackets as parts that stay.
func pattern(op, s string) (parts []part, err error) {
	var p part
	var text strings.Builder
	word := func() {
		if text.Len() > 0 {
			p.pieces = append(p.pieces, piece{text: text.String()})
			text.Reset()
		}
	}
	end := func() {
		if word(); len(p.pieces) > 0 {
			parts = append(parts, p)
		}
		p = part{}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.IndexByte("[]{}", c) >= 0 && i+1 < len(s) && s[i+1] == c:
			text.WriteByte(c)
			i++
		case c == '[' && p.optional:
			return nil, fault.Inputf(op, "template %q: a bracket in brackets at %d, want one closed before the next opens, or [[ for the character", s, i)
		case c == '[':
			end()
			p.optional = true
		case c == ']':
			if !p.optional {
				return nil, fault.Inputf(op, "template %q: ] at %d closes nothing, want ]] for the character", s, i)
			}
			word()
			if p.shorthand(); count([]part{p}, input, instruction, options, output) == 0 {
				return nil, fault.Inputf(op, "template %q: the part in brackets that ends at %d has no field, want {instruction}, {options} or {input} in it", s, i)
			}
			end()
		case c == '{':
			n := strings.IndexByte(s[i:], '}')
			f, ok := fieldNames[s[i+1:i+max(n, 1)]]
			if !ok {
				return nil, fault.Inputf(op, "template %q: no field at %d, want {input}, {instruction}, {options} or {output}, or {{ for the character", s, i)
			}
			word()
			p.pieces = append(p.pieces, piece{field: f})
			i += n
		case c == '}':
			return nil, fault.Inputf(op, "template %q: } at %d closes nothing, want }} for the character", s, i)
		default:
			text.WriteByte(c)
		}
	}
	if p.optional {
		return nil, fault.Inputf(op, "template %q has a bracket that does not close", s)
	}
	end()
	return parts, nil
}

// shorthand finds the plain words of a part without fields.
func (p *part) shorthand() {
	if len(p.pieces) != 1 || p.pieces[0].field != literal {
		return
	}
	for _, w := range []struct {
		words string
		field field
	}{{"a; b; c", options}, {"instruction", instruction}} {
		if before, after, ok := strings.Cut(p.pieces[0].text, w.words); ok {
			p.pieces = []piece{{text: before}, {field: w.field}, {text: after}}
			return
		}
	}
}

// Render gives the prompt and the answer of an example. An instruction of the
// example's own wins over the common one; it is cut after so many characters,
// as a Python slice would be, then spaces around it are dropped.
func (t *Template) Render(common string, ex Example) (prompt, answer string, err error) {
	if ex.Instruction != "" {
		common = ex.Instruction
	}
	if r := []rune(common); t.chars > 0 && len(r) > t.chars {
		common = string(r[:t.chars])
	}
	values := [...]string{input: ex.Input, instruction: strings.TrimSpace(common), options: strings.Join(ex.Options, "; "), output: ex.Output}
	var b strings.Builder
	write := func(pieces []piece) {
		for _, c := range pieces {
			b.WriteString(c.text)
			b.WriteString(values[c.field])
		}
	}
	for _, p := range t.parts {
		if !p.optional || p.filled(values[:]) {
			write(p.pieces)
		}
	}
	prompt = b.String()
	b.Reset()
	write(t.answer)
	return prompt, b.String(), nil
}

func (p part) filled(values []string) bool {
	for _, c := range p.pieces {
		if c.field != literal && values[c.field] == "" {
			return false
		}
	}
	return true
}
