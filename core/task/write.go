package task

import (
	"bytes"
	"encoding/json"
)

// JSONLines writes examples as Parse reads them.
func JSONLines(exs []Example) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, x := range exs {
		m := map[string]any{}
		if x.Tokenised() {
			m["input_ids"], m["labels"] = x.InputIDs, x.Labels
			if x.OptionIDs != nil {
				m["options"] = x.OptionIDs
			}
		} else {
			m["input"], m["output"] = x.Input, x.Output
			if x.Options != nil {
				m["options"] = x.Options
			}
		}
		if x.TaskID != 0 {
			m["task_id"] = x.TaskID
		}
		if x.Instruction != "" {
			m["instruction"] = x.Instruction
		}
		_ = enc.Encode(m) // texts and numbers can be encoded
	}
	return b.String()
}
