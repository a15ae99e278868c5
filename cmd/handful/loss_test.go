package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// trainLog are the losses of a run's train.jsonl.
func trainLog(t *testing.T, out string) (losses []float64) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSpace(string(read(t, filepath.Join(out, "train.jsonl")))), "\n") {
		var s struct {
			Loss float64 `json:"loss"`
		}
		if err := json.Unmarshal([]byte(l), &s); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, s.Loss)
	}
	return losses
}

// The first loss of a LoRA whose B is zero is the bare base's.
func TestLossNIGolden(t *testing.T) {
	devices(t, func(t *testing.T, device ...string) {
		for name, dir := range families {
			t.Run(name, func(t *testing.T) {
				want := float64(formattest.Safetensors(t, filepath.Join(dir, "base_forward.safetensors")).F32("label_smoothed_loss_ni")[0])
				out := filepath.Join(t.TempDir(), "out")
				good(t, append([]string{"adapt", "--base", dir, "--examples", rowsIn(t, dir, 4), "--method", "lora", "--out", out,
					"--loss", "ni", "--order", "file", "--batch", "4", "--steps", "1"}, device...)...)
				if got := trainLog(t, out)[0]; !near(got, want, 2e-5, 1e-4) {
					t.Errorf("loss %v, want %v", got, want)
				}
			})
		}
	})
}

// letters is the golden base with a tokenizer of one token a character.
func letters(t *testing.T) string {
	t.Helper()
	dir := copyDir(t, golden)
	vocab := map[string]int{"<|im_end|>": 0}
	for _, c := range "ĠĊ:;abcdefghijklmnopqrstuvwxyzIO" {
		vocab[string(c)] = len(vocab)
	}
	b, err := json.Marshal(map[string]any{
		"added_tokens":  []any{map[string]any{"id": 0, "content": "<|im_end|>", "special": true}},
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
		"decoder":       map[string]any{"type": "ByteLevel"},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tokenizer.json"), string(b))
	return dir
}

// T-Few's loss chooses between each row's options, or the labels of all rows;
// the right answer comes to win.
func TestLossTFew(t *testing.T) {
	base, dir := letters(t), t.TempDir()
	var labelled, options strings.Builder
	for i := range 8 {
		word, answer := []string{"ham", "egg"}[i%2], []string{"meat", "shell"}[i%2]
		fmt.Fprintf(&labelled, `{"input":"%s %c","output":"%s"}`+"\n", word, 'a'+i, answer)
		fmt.Fprintf(&options, `{"input":"%s %c","output":"%s","options":["shell","meat","so"]}`+"\n", word, 'a'+i, answer)
	}
	for name, rows := range map[string]string{"labels": labelled.String(), "options": options.String()} {
		for _, optimizer := range []string{"adamw", "adafactor"} {
			t.Run(name+"/"+optimizer, func(t *testing.T) {
				out := filepath.Join(dir, name+optimizer)
				good(t, "adapt", "--device", "cpu", "--base", base, "--inventory", golden+"/s4/adapter_init", "--examples", write(t, filepath.Join(dir, name+".jsonl"), rows),
					"--method", "mu", "--out", out, "--loss", "tfew", "--optimizer", optimizer, "--lr", "0.03", "--batch", "8", "--steps", "20")
				if l := trainLog(t, out); len(l) != 20 || !(l[19] < l[0]-1) {
					t.Errorf("losses %v do not fall by a nat", l)
				}
			})
		}
	}
	for _, c := range []struct {
		name, rows string
		words      []string
	}{
		{"no options", `{"input":"a","output":"b"}` + "\n" + `{"input":"c","output":"d"}`, []string{"line 1 has no options", "--loss lm"}},
		{"another output", `{"input":"a","output":"b","options":["b","c"]}` + "\n" + `{"input":"c","output":"d","options":["b","c"]}`, []string{"line 2", `"d" is none of its options`}},
		{"one option", `{"input":"a","output":"b","options":["b","b"]}`, []string{"line 1 has the one option"}},
		{"token ids", `{"input_ids":[1,2],"labels":[-100,2]}`, []string{"line 1 is token ids without options"}},
		{"other ids", `{"input_ids":[1,2],"labels":[-100,2],"options":[[3],[1,4]]}`, []string{"line 1", `"2" is none of its options ["3" "1 4"]`}},
		{"no ids", `{"input_ids":[1,2],"labels":[-100,2],"options":[[2],[]]}`, []string{"line 1", "one is empty"}},
		{"no list", `{"input_ids":[1,2],"labels":[-100,2],"options":[2,3]}`, []string{"line 1", "one is not a list of integers"}},
		{"too large", `{"input_ids":[1,2],"labels":[-100,2],"options":[[2],[96]]}`, []string{"line 1 has token 96"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad(t, 1, c.words, "adapt", "--device", "cpu", "--base", base, "--inventory", golden+"/s4/adapter_init", "--examples", write(t, filepath.Join(dir, "bad.jsonl"), c.rows),
				"--method", "z", "--out", filepath.Join(dir, "bad"), "--loss", "tfew")
		})
	}
}

// auto is tfew where each row has answers to choose from, else lm; the labels
// may be told.
func TestLossAuto(t *testing.T) {
	base, dir := letters(t), t.TempDir()
	for name, c := range map[string]struct {
		rows string
		more []string
		want string
	}{
		"options":    {`{"input":"a","output":"b","options":["b","c"]}`, nil, "tfew"},
		"labels":     {"a => b\nb => b\nc => d\nd => d\n", nil, "tfew"},
		"told":       {"a => b\nc => d\n", []string{"--option", "b", "--option", "d"}, "tfew"},
		"none":       {"a => b\nc => d\n", nil, "lm"},
		"one":        {"a => b\nc => b\n", nil, "lm"},
		"not all":    {`{"input":"a","output":"b","options":["b","c"]}` + "\n" + `{"input":"a","output":"b"}`, nil, "lm"},
		"other told": {"a => b\nc => d\n", []string{"--option", "b", "--option", "c"}, "lm"},
		"token ids":  {`{"input_ids":[1,2],"labels":[-100,2]}`, nil, "lm"},
		"with ids":   {`{"input_ids":[1,2],"labels":[-100,2],"options":[[2],[3]]}`, nil, "tfew"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(dir, name)
			good(t, append([]string{"adapt", "--device", "cpu", "--base", base, "--inventory", golden + "/s4/adapter_init", "--method", "z", "--steps", "1", "--loss", "auto",
				"--examples", write(t, filepath.Join(dir, name+".txt"), c.rows), "--out", out}, c.more...)...)
			var s struct{ Settings struct{ Loss string } }
			if err := json.Unmarshal(read(t, filepath.Join(out, "routing.json")), &s); err != nil || s.Settings.Loss != c.want {
				t.Errorf("loss %q (%v), want %s", s.Settings.Loss, err, c.want)
			}
		})
	}
}
