package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// A tfewCase is rows of token ids with three answers each, and PyTorch's
// numbers for them under the golden inventory of 4 splits.
type tfewCase struct {
	task    []int64
	prompt  [][]int64
	answers [][][]int64
	gold    []int64
	scores  []float32 // per answer, nats a token
	loss    float64
}

// tfewOf reads the case of a golden model: the Llama's is that of
// core/tune/testdata/make_tfew.py.
func tfewOf(t *testing.T, dir string) (c tfewCase) {
	t.Helper()
	cut := func(all []int64, width int, keep func(int64) bool) (rows [][]int64) {
		for i := 0; i < len(all); i += width {
			rows = append(rows, slices.DeleteFunc(slices.Clone(all[i:i+width]), func(id int64) bool { return !keep(id) }))
		}
		return rows
	}
	fill := func(prompts, answers [][]int64) {
		c.prompt = prompts[:len(c.gold)]
		for i := range c.gold {
			c.answers = append(c.answers, answers[3*i:3*i+3])
		}
	}
	if isT5(dir) {
		f, b := formattest.Safetensors(t, dir+"/s4/tfew_align.safetensors"), formattest.Safetensors(t, dir+"/batches.safetensors")
		c.gold, c.scores, c.loss = f.Ints("tfew.labels"), f.F32("tfew.choices_scores"), float64(f.F32("tfew.loss")[0])
		c.task = b.Ints("task_ids")[:len(c.gold)]
		mask, ids := b.Ints("attention_mask"), slices.Clone(b.Ints("input_ids"))
		for i := range ids {
			if mask[i] == 0 {
				ids[i] = -1
			}
		}
		fill(cut(ids, b.Shape("input_ids")[2], func(id int64) bool { return id >= 0 }), cut(f.Ints("tfew.answer_choices_ids"), 6, func(id int64) bool { return id > 0 }))
		return c
	}
	f := formattest.Safetensors(t, "../../core/tune/testdata/tfew.safetensors")
	c.gold, c.scores, c.loss, c.task = f.Ints("gold"), f.F32("scores"), float64(f.F32("loss")[0]), f.Ints("task")
	real := func(id int64) bool { return id >= 0 }
	fill(cut(f.Ints("prompt"), f.Shape("prompt")[1], real), cut(f.Ints("answers"), f.Shape("answers")[2], real))
	return c
}

// row is row i with an answer, as a line of a file.
func (c tfewCase) row(t *testing.T, dir string, i int, answer int64, options bool) string {
	t.Helper()
	ids, labels := c.prompt[i], c.answers[i][answer]
	if !isT5(dir) {
		ids, labels = slices.Concat(ids, labels), slices.Concat(slices.Repeat([]int64{-100}, len(ids)), labels)
	}
	row := map[string]any{"input_ids": ids, "labels": labels, "task_id": c.task[i]}
	if options {
		row["options"] = c.answers[i]
	}
	b, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// T-Few's loss of token rows with options, and the scores that an answer is
// chosen by, are PyTorch's.
func TestTFewGolden(t *testing.T) {
	devices(t, func(t *testing.T, device ...string) {
		for name, dir := range families {
			t.Run(name, func(t *testing.T) {
				c, inventory := tfewOf(t, dir), dir+"/s4/adapter_init"
				var train, each []string
				for i, gold := range c.gold {
					train = append(train, c.row(t, dir, i, gold, true))
					for k := range c.answers[i] {
						each = append(each, c.row(t, dir, i, int64(k), false))
					}
				}
				rows, out := write(t, filepath.Join(t.TempDir(), "rows.jsonl"), strings.Join(train, "\n")), filepath.Join(t.TempDir(), "out")
				good(t, slices.Concat([]string{"adapt", "--base", dir, "--inventory", inventory, "--examples", rows, "--method", "mhr", "--router-init", "keep",
					"--loss", "tfew", "--order", "file", "--batch", "4", "--steps", "1", "--out", out}, device)...)
				if got := trainLog(t, out)[0]; !near(got, c.loss, 2e-5, 1e-4) {
					t.Errorf("loss %v, want %v", got, c.loss)
				}

				var s scores
				o := good(t, slices.Concat([]string{"score", "--base", dir, "--inventory", inventory, "--json",
					"--examples", write(t, filepath.Join(t.TempDir(), "each.jsonl"), strings.Join(each, "\n"))}, device)...)
				if err := json.Unmarshal([]byte(o.stdout), &s); err != nil {
					t.Fatal(err)
				}
				for i, want := range c.scores {
					if !near(s.Rows[i].Mean, float64(want), 2e-5, 1e-4) {
						t.Errorf("row %d, answer %d: %v nats a token, want %v", i/3, i%3, s.Rows[i].Mean, want)
					}
				}
			})
		}
	})
}
