package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"handful/core/task"
)

// What draw writes is what eval learns from and judges on: the same rows give
// the same accuracy of the base.
func TestDrawIsEvals(t *testing.T) {
	dir := t.TempDir()
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, "{\"input_ids\": [%d, %d, %d], \"labels\": [-100, -100, %d]}\n", 1+i%7, 2+i, 3+i%5, 3+i%5)
	}
	file := filepath.Join(dir, "t.jsonl")
	if err := os.WriteFile(file, []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	good(t, "draw", "--examples", file, "--shots", "4,8", "--seeds", "2", "--seed", "3", "--limit", "10", "--epochs", "3", "--out", dir+"/draws")
	for _, k := range []int{4, 8} {
		for seed := 3; seed < 5; seed++ {
			b, err := os.ReadFile(fmt.Sprintf("%s/draws/t.%d.%d.json", dir, k, seed))
			if err != nil {
				t.Fatal(err)
			}
			var c struct {
				Task, Data, Metric string
				Shots, Seed        int
				Train, Held        []json.RawMessage
				Order              [][]int
			}
			if err := json.Unmarshal(b, &c); err != nil {
				t.Fatal(err)
			}
			if c.Task != "t" || len(c.Data) != 64 || c.Metric != "exact" || c.Shots != k || c.Seed != seed || len(c.Train) != k || len(c.Held) != 10 {
				t.Errorf("%d shots, seed %d: %+v", k, seed, c)
			}
			if want := task.Batches(k, k, 3, "shuffle", uint64(seed)); !reflect.DeepEqual(c.Order, want) {
				t.Errorf("order %v, want that of training, %v", c.Order, want)
			}
			seen := map[string]bool{}
			for _, x := range append(c.Train, c.Held...) {
				var row struct {
					IDs []int `json:"input_ids"`
				}
				if err := json.Unmarshal(x, &row); err != nil || len(row.IDs) != 3 || seen[fmt.Sprint(row.IDs)] {
					t.Errorf("%s is drawn twice, or is no row (%v)", x, err)
				}
				seen[fmt.Sprint(row.IDs)] = true
			}
		}
	}
	args := []string{"eval", "--device", "cpu", "--base", golden, "--method", "lora:steps=1", "--shots", "4", "--seed", "3", "--limit", "10", "--max-tokens", "1"}
	whole := evalRows(t, append(args, "--examples", file)...)[0]
	b, err := os.ReadFile(dir + "/draws/t.4.3.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Held []json.RawMessage }
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	held, err := json.Marshal(c.Held)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/held.json", held, 0o644); err != nil {
		t.Fatal(err)
	}
	same := evalRows(t, "eval", "--device", "cpu", "--base", golden, "--examples", dir+"/held.json", "--max-tokens", "1")[0]
	if same.N != whole.N || same.Loss != whole.Loss {
		t.Errorf("of draw's rows: loss %v over %d, of eval's %v over %d", same.Loss, same.N, whole.Loss, whole.N)
	}
	bad(t, 2, []string{"--out"}, "draw", "--examples", file)
	bad(t, 2, []string{"--tasks"}, "draw", "--out", dir)
	bad(t, 1, []string{"leaves none"}, "draw", "--examples", file, "--shots", "40", "--out", dir+"/none")
}
