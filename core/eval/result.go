package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"handful/core/fault"
)

// Metrics that a result can be judged by: of answers chosen from labels, and of
// answers that were generated.
const (
	MetricAccuracy = "accuracy"
	MetricBalanced = "balanced"
	MetricExact    = "exact"
	MetricRougeL   = "rougeL"
)

// Result is a cell of an evaluation: what one method made of one task with so
// many examples, drawn by one seed. It is a line of a results file
// (docs/formats.md, "Evaluation results").
type Result struct {
	Key      string `json:"key,omitempty"` // names all that decides the result; equal keys are the same cell
	Task     string `json:"task"`
	Distance string `json:"distance,omitempty"` // near: a sibling of the task was trained on; far: none
	Data     string `json:"data,omitempty"`     // sha256 of the task's file
	Name     string `json:"name"`               // the method as asked for, settings included
	Shots    int    `json:"shots"`              // examples learned from; 0: none were drawn
	Seed     uint64 `json:"seed"`
	N        int    `json:"n"` // rows judged

	Metric   string   `json:"metric,omitempty"` // the one that counts
	Accuracy float64  `json:"accuracy"`
	Balanced float64  `json:"balanced"`
	Exact    *float64 `json:"exact,omitempty"`
	RougeL   *float64 `json:"rougeL,omitempty"`
	Loss     float64  `json:"loss"` // nats per token of the right answers

	Trainable int     `json:"trainable,omitempty"` // parameters trained
	Bytes     int64   `json:"bytes,omitempty"`     // of what was trained, in float32
	Shown     int     `json:"shown,omitempty"`     // examples that stood in the prompt
	Chosen    string  `json:"chosen,omitempty"`    // the training task whose routing was taken
	Seconds   float64 `json:"seconds"`             // learning and judging

	Labels []string  `json:"labels,omitempty"`
	Hits   string    `json:"hits,omitempty"`  // a row each: 1 right, 0 wrong
	Gold   []int     `json:"gold,omitempty"`  // a row each: index of the right label
	Got    []int     `json:"got,omitempty"`   // a row each: index of the label given, −1 for another answer
	Rouge  []float64 `json:"rouge,omitempty"` // a row each, to four digits

	Base      string          `json:"base,omitempty"`      // name and sha256 of the base model
	Inventory string          `json:"inventory,omitempty"` // likewise, of the inventory or adapter
	Device    string          `json:"device,omitempty"`
	Settings  json.RawMessage `json:"settings,omitempty"` // what was trained with
}

// Value is the result by its metric; accuracy where it names none.
func (r *Result) Value() float64 {
	switch {
	case r.Metric == MetricBalanced:
		return r.Balanced
	case r.Metric == MetricExact && r.Exact != nil:
		return *r.Exact
	case r.Metric == MetricRougeL && r.RougeL != nil:
		return *r.RougeL
	}
	return r.Accuracy
}

// Cell is the values of the rows, whose mean is Value, for intervals and paired
// tests: hits as 0 and 1, by their class for balanced accuracy, or Rouge-L. Where
// rows were not kept it is Value alone.
func (r *Result) Cell() Cell {
	if r.Metric == MetricRougeL && len(r.Rouge) > 0 {
		return Cell{r.Rouge}
	}
	if r.Metric == MetricRougeL || len(r.Hits) == 0 || r.Metric == MetricBalanced && len(r.Gold) == 0 && r.Balanced != r.Accuracy {
		return Cell{{r.Value()}}
	}
	c := make(Cell, 1)
	for i, h := range r.Hits {
		class := 0
		if r.Metric == MetricBalanced && len(r.Gold) > 0 {
			class = r.Gold[i] + 1 // −1: none of the labels
		}
		for len(c) <= class {
			c = append(c, nil)
		}
		c[class] = append(c[class], float64(h-'0'))
	}
	return c
}

// Line is the result as a line of a results file, line break included.
func (r *Result) Line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r)
	return b.Bytes(), err
}

// Parse reads a results file. Of lines with the same key the last one stands,
// in the first one's place. whole is how many bytes hold whole lines: a run
// that was killed may leave a part of a line, which is dropped.
func Parse(name string, file []byte) (out []Result, whole int, err error) {
	at := map[string]int{}
	for n := 1; whole < len(file); n++ {
		line, _, ended := bytes.Cut(file[whole:], []byte("\n"))
		var r Result
		err := json.Unmarshal(line, &r)
		if !ended && err != nil {
			break
		}
		whole = min(len(file), whole+len(line)+1)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err == nil {
			err = r.check()
		}
		if err != nil {
			return nil, 0, fault.Inputf("results", "%s, line %d: %w", name, n, err).Next("mend or remove the line")
		}
		i, again := at[r.Key]
		if again = again && r.Key != ""; again {
			out[i] = r
			continue
		}
		at[r.Key] = len(out)
		out = append(out, r)
	}
	return out, whole, nil
}

// check holds a result's fields against each other.
func (r *Result) check() error {
	switch {
	case r.Task == "" || r.Name == "":
		return fmt.Errorf("no task or no name")
	case !slices.Contains([]string{"", MetricAccuracy, MetricBalanced, MetricExact, MetricRougeL}, r.Metric):
		return fmt.Errorf("metric %q, want accuracy, balanced, exact or rougeL", r.Metric)
	case r.N < 1:
		return fmt.Errorf("n is %d, want 1 or more", r.N)
	}
	for _, l := range []int{len(r.Hits), len(r.Gold), len(r.Got), len(r.Rouge)} {
		if l != 0 && l != r.N {
			return fmt.Errorf("%d entries for %d rows", l, r.N)
		}
	}
	for _, g := range r.Gold {
		if g < -1 || g >= len(r.Labels) {
			return fmt.Errorf("gold has %d, want an index of %d labels", g, len(r.Labels))
		}
	}
	for _, h := range r.Hits {
		if h != '0' && h != '1' {
			return fmt.Errorf("hits has %q, want 0 and 1", h)
		}
	}
	return nil
}
