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
		Name     string  `json:"task"`
	} `json:"rows"`
}

// Given are batches as indices of rows, and the names of router rows where all
// that is trained on one bears one name.
type Given struct {
	Rows    []tune.Row
	Batches [][]int
	Names   map[int]string // "" where several tasks share a row
}

// ReadBatches reads batches that were drawn elsewhere, so that two programs can
// train on the same: a line a step,
//
//	{"step": 0, "rows": [{"input_ids": […], "labels": […], "task_id": 3, "task": "NAME"}, …]}
//
// with steps in order. Labels are as long as input_ids, −100 where there is no
// loss, not shifted; of an encoder-decoder they are the decoder's. task_id is the router row, −1 for uniform mixing; task, which
// may be missing, names it. At most steps lines are read (0: all).
func ReadBatches(name string, r io.Reader, l task.Limits, steps int) (*Given, error) {
	g, err := readBatches(name, r, l, steps)
	return g, fault.Or(err, "make the file again with the same vocabulary and enough steps")
}

func readBatches(name string, r io.Reader, l task.Limits, steps int) (g *Given, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	g = &Given{Names: map[int]string{}}
	first := 0
	for n := 1; steps == 0 || len(g.Batches) < steps; n++ {
		line, err := readLine(br)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		at := fmt.Sprintf("%s:%d", name, n)
		bad := func(format string, args ...any) error {
			return fault.Inputf("batches", "%s: %s", at, fmt.Sprintf(format, args...))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, bad("%v", err)
		}
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		var b batchLine
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, bad("not a batch: %v", err)
		}
		if b.Step == nil || len(b.Rows) == 0 {
			return nil, bad(`want "step" and "rows" with a row at least`)
		}
		if len(g.Batches) == 0 {
			first = *b.Step
		}
		if *b.Step != first+len(g.Batches) {
			return nil, bad("step %d, want %d: steps in order", *b.Step, first+len(g.Batches))
		}
		var batch []int
		for i, x := range b.Rows {
			e, err := task.Encode(nil, nil, "", task.Example{InputIDs: x.InputIDs, Labels: x.Labels, Line: i + 1}, l)
			if x.InputIDs == nil {
				return nil, bad("row %d has no input_ids", i+1)
			}
			if err != nil {
				return nil, bad("row %d: %s", i+1, strings.TrimPrefix(fault.From("batches", err).Msg, fmt.Sprintf("line %d ", i+1)))
			}
			if x.Task < tune.Uniform || x.Task >= maxTasks {
				return nil, bad("row %d has task_id %d, want -1 to %d", i+1, x.Task, maxTasks-1)
			}
			if old, ok := g.Names[x.Task]; !ok {
				g.Names[x.Task] = x.Name
			} else if old != x.Name {
				g.Names[x.Task] = ""
			}
			batch = append(batch, len(g.Rows))
			g.Rows = append(g.Rows, tune.Row{IDs: e.IDs, Labels: e.Labels, Source: e.Source, Task: x.Task})
		}
		g.Batches = append(g.Batches, batch)
	}
	if len(g.Batches) == 0 {
		return nil, fault.Inputf("batches", "%s holds no batch", name)
	}
	return g, nil
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
