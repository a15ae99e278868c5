package pretrain

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"handful/core/fault"
	"handful/core/task"
	"handful/core/tune"
)

// maxBatch bounds one line of given batches.
const maxBatch = 64 << 20

// batchLine is a line of given batches.
type batchLine struct {
	Step *int `json:"step"`
	Rows []struct {
		InputIDs []int32 `json:"input_ids"`
		Labels   []int32 `json:"labels"`
		Task     int     `json:"task_id"`
	} `json:"rows"`
}

// ReadBatches reads batches that were drawn elsewhere, so that two programs can
// train on the same: a line a step,
//
//	{"step": 0, "rows": [{"input_ids": […], "labels": […], "task_id": 3}, …]}
//
// with steps in order. Labels are as long as input_ids, −100 where there is no
// loss, not shifted. At most steps lines are read (0: all).
func ReadBatches(name string, r io.Reader, l task.Limits, steps int) (rows []tune.Row, batches [][]int, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	first := 0
	for n := 1; steps == 0 || len(batches) < steps; n++ {
		line, err := readLine(br)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		at := fmt.Sprintf("%s:%d", name, n)
		bad := func(format string, args ...any) error {
			return fault.Inputf("batches", "%s: %s", at, fmt.Sprintf(format, args...))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, bad("%v", err)
		}
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		var b batchLine
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, nil, bad("not a batch: %v", err)
		}
		if b.Step == nil || len(b.Rows) == 0 {
			return nil, nil, bad(`want "step" and "rows" with a row at least`)
		}
		if len(batches) == 0 {
			first = *b.Step
		}
		if *b.Step != first+len(batches) {
			return nil, nil, bad("step %d, want %d: steps in order", *b.Step, first+len(batches))
		}
		var batch []int
		for i, x := range b.Rows {
			e, err := task.Encode(nil, nil, "", task.Example{InputIDs: x.InputIDs, Labels: x.Labels, TaskID: x.Task, Line: i + 1}, l)
			if x.InputIDs == nil {
				return nil, nil, bad("row %d has no input_ids", i+1)
			}
			if err != nil {
				return nil, nil, bad("row %d: %s", i+1, strings.TrimPrefix(fault.From("batches", err).Msg, fmt.Sprintf("line %d ", i+1)))
			}
			batch = append(batch, len(rows))
			rows = append(rows, tune.Row{IDs: e.IDs, Labels: e.Labels, Task: e.TaskID})
		}
		batches = append(batches, batch)
	}
	if len(batches) == 0 {
		return nil, nil, fault.Inputf("batches", "%s holds no batch", name)
	}
	return rows, batches, nil
}

// readLine reads a line of any length up to maxBatch.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxBatch {
			return nil, fmt.Errorf("a line of more than %d MB", maxBatch>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
