package task_test

import (
	"fmt"

	"handful/core/task"
)

// Examples may come in any of several forms; a line that cannot be read is
// named and the others stand.
func ExampleParse() {
	p := task.Parse([]byte("walk => walks\ntry => tries\nno arrow here"))
	fmt.Println(p.Format, len(p.Examples))
	for _, f := range p.Faults {
		fmt.Println(f.Kind, f.Msg)
	}
	p = task.Parse([]byte(`{"text": "Claim your prize", "label": "spam"}`))
	fmt.Println(p.Format, p.Examples[0].Input, "=", p.Examples[0].Output)
	// Output:
	// lines 2
	// input line 3: no => between text and label in "no arrow here"
	// jsonl Claim your prize = spam
}
