package task

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// integers reads a list of 32-bit integers. encoding/json would take null for
// 0, which is a token.
func integers(v json.RawMessage, into *[]int32) string {
	if v[0] != '[' {
		return "is not a list of integers"
	}
	body := strings.TrimSpace(string(v[1 : len(v)-1]))
	out := []int32{}
	if body != "" {
		out = make([]int32, 0, strings.Count(body, ",")+1)
		for part := range strings.SplitSeq(body, ",") {
			part = strings.TrimSpace(part)
			n, err := strconv.ParseInt(part, 10, 64)
			if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
				return "holds " + quote(part) + ", want integers"
			}
			out = append(out, int32(n))
		}
	}
	*into = out
	return ""
}

// noPadding accepts an attention_mask of ones only, which changes nothing.
func noPadding(v json.RawMessage) string {
	var mask []int32
	if why := integers(v, &mask); why != "" {
		return why
	}
	for _, m := range mask {
		if m != 1 {
			return "marks padding; take the padding out of the row"
		}
	}
	return ""
}

// readMessages takes the last answer as output, the question before it as
// input, and what the system says as instruction.
func (r *reader) readMessages(v json.RawMessage, e *Example) string {
	if i := loneSurrogate(v); i >= 0 {
		return "hold " + string(v[i:i+6]) + ", half of a character"
	}
	var all []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(v, &all) != nil {
		return `is not a list of {"role", "content"}`
	}
	answer, question, turns := -1, -1, 0
	for i, m := range all {
		switch m.Role {
		case "assistant":
			answer = i
			turns++
		case "user":
			turns++
		case "system", "developer":
		default:
			return "has the role " + quote(m.Role) + ", want system, user or assistant"
		}
	}
	for i := answer - 1; i >= 0 && question < 0; i-- {
		if all[i].Role == "user" {
			question = i
		}
	}
	if answer < 0 {
		return "has no message of the assistant"
	}
	if question < 0 {
		return "has no message of the user before the answer"
	}
	var system []string
	for i, m := range all {
		into := new(string)
		switch {
		case i == answer:
			into = &e.Output
		case i == question:
			into = &e.Input
		case m.Role == "user" || m.Role == "assistant":
			continue
		}
		if why := content(m.Content, into); why != "" {
			return "has content that " + why
		}
		if i != answer && i != question {
			system = append(system, *into)
		}
	}
	e.Instruction = strings.Join(system, "\n")
	if turns > 2 {
		r.turns++
	}
	return ""
}

// content reads text, or a list of parts that are all text.
func content(v json.RawMessage, into *string) string {
	if len(v) == 0 {
		return "is missing"
	}
	if v[0] != '[' {
		return scalar(v, into)
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(v, &parts) != nil {
		return "is not text"
	}
	for _, p := range parts {
		if p.Type != "text" {
			return "is of type " + quote(p.Type) + ", want text"
		}
		*into += p.Text
	}
	return ""
}
