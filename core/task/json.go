package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Names under which a row's parts are found, in order of preference.
var (
	inputKeys  = []string{"input", "text", "prompt", "question", "sentence"}
	outputKeys = []string{"output", "label", "completion", "answer", "target", "response"}
)

func parseJSONL(p *Parsed, data []byte) {
	for i, l := range bytes.Split(data, []byte("\n")) {
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		ex, why := parseRow(l)
		if why != "" {
			p.fail(i+1, "%s", why)
			continue
		}
		ex.Line = i + 1
		p.add(ex)
	}
}

func parseArray(p *Parsed, data []byte) {
	var rows []json.RawMessage
	if err := json.Unmarshal(data, &rows); err != nil {
		line := 1
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line += bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		}
		p.fail(line, "malformed JSON: %v", err)
		return
	}
	if len(rows) == 0 {
		p.fail(1, "no examples; give at least one row with an input and an output")
	}
	for i, r := range rows {
		ex, why := parseRow(r)
		if why != "" {
			p.fail(i+1, "row %d: %s", i+1, why)
			continue
		}
		ex.Line = i + 1
		p.add(ex)
	}
}

// parseRow reads one object; why says what is wrong with it.
func parseRow(raw []byte) (ex Example, why string) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return ex, "malformed JSON: " + err.Error()
	}
	if t, ok := m["task_id"]; ok {
		if json.Unmarshal(t, &ex.TaskID) != nil || ex.TaskID < 0 {
			return ex, "task_id is " + quote(string(t)) + ", want a whole number of 0 or more"
		}
	}
	if ids, ok := m["input_ids"]; ok {
		if json.Unmarshal(ids, &ex.InputIDs) != nil || len(ex.InputIDs) == 0 {
			return ex, "input_ids must be a list of token ids"
		}
		if json.Unmarshal(m["labels"], &ex.Labels) != nil || len(ex.Labels) != len(ex.InputIDs) {
			return ex, "labels must be as long as input_ids, with -100 where there is no loss"
		}
		return ex, ""
	}
	if o, ok := m["options"]; ok && string(o) != "null" {
		var list []json.RawMessage
		if json.Unmarshal(o, &list) != nil {
			return ex, "options must be a list of texts"
		}
		for _, x := range list {
			s, ok := scalar(x)
			if !ok {
				return ex, "options must be a list of texts"
			}
			ex.Options = append(ex.Options, s)
		}
	}
	if s, ok := scalar(m["instruction"]); ok {
		ex.Instruction = s
	}
	if msgs, ok := m["messages"]; ok {
		return messages(ex, msgs)
	}
	in, okIn := find(m, inputKeys)
	out, okOut := find(m, outputKeys)
	switch {
	case !okIn:
		return ex, "no input; want a key such as input, text or prompt"
	case !okOut:
		return ex, "no output; want a key such as output, label or completion"
	}
	ex.Input, ex.Output = in, out
	return ex, ""
}

// messages reads a chat: the last answer is the output, what the user said the
// input, the system's text the instruction.
func messages(ex Example, raw json.RawMessage) (Example, string) {
	var list []struct{ Role, Content string }
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return ex, "messages must be a list of {role, content}"
	}
	var user []string
	for i, m := range list {
		switch {
		case m.Role == "system":
			ex.Instruction = m.Content
		case m.Role == "assistant" && i == len(list)-1:
			ex.Output = m.Content
		default:
			user = append(user, m.Content)
		}
	}
	ex.Input = strings.Join(user, "\n")
	if ex.Output == "" {
		return ex, "messages must end with the assistant's answer"
	}
	return ex, ""
}

func find(m map[string]json.RawMessage, keys []string) (string, bool) {
	for _, k := range keys {
		if v, ok := m[k]; ok {
			return scalar(v)
		}
	}
	return "", false
}

// scalar reads a text, number or truth value as text.
func scalar(raw json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return s, true
	}
	t := strings.TrimSpace(string(raw))
	if t == "true" || t == "false" {
		return t, true
	}
	var n json.Number
	if t != "" && t != "null" && json.Unmarshal(raw, &n) == nil {
		return n.String(), true
	}
	return "", false
}

// JSONLines writes examples as Parse reads them.
func JSONLines(exs []Example) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, x := range exs {
		m := map[string]any{}
		if x.InputIDs != nil {
			m["input_ids"], m["labels"] = x.InputIDs, x.Labels
		} else {
			m["input"], m["output"] = x.Input, x.Output
		}
		if x.TaskID != 0 {
			m["task_id"] = x.TaskID
		}
		if x.Instruction != "" {
			m["instruction"] = x.Instruction
		}
		if x.Options != nil {
			m["options"] = x.Options
		}
		_ = enc.Encode(m) // texts and numbers can be encoded
	}
	return b.String()
}
