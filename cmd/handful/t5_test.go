package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/format/formattest"
)

// t5Letters is a golden T5 with a Unigram of one token a character.
func t5Letters(t *testing.T, golden string) string {
	t.Helper()
	dir := copyDir(t, golden)
	vocab := [][]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}, {"▁", -2}}
	for _, c := range ":;abcdefghijklmnopqrstuvwxyzIO" {
		vocab = append(vocab, []any{string(c), -3})
	}
	var added []any
	for i, name := range []string{"<pad>", "</s>", "<unk>"} {
		added = append(added, map[string]any{"id": i, "content": name, "special": true, "normalized": false})
	}
	meta := map[string]any{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}
	b, err := json.Marshal(map[string]any{
		"added_tokens":  added,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "WhitespaceSplit"}, meta}},
		"decoder":       meta,
		"model":         map[string]any{"type": "Unigram", "unk_id": 2, "vocab": vocab},
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tokenizer.json"), string(b))
	return dir
}

// animals are rows of text with two classes.
func animals(t *testing.T) string {
	t.Helper()
	var rows strings.Builder
	for i := range 12 {
		word, answer := []string{"ham", "egg"}[i%2], []string{"meat", "shell"}[i%2]
		fmt.Fprintf(&rows, `{"input":"%s %c","output":"%s","options":["shell","meat"]}`+"\n", word, 'a'+i, answer)
	}
	return write(t, filepath.Join(t.TempDir(), "rows.jsonl"), rows.String())
}

// Every method learns from text on a T5, writes a PEFT folder of its kind, and
// what was written scores and answers as what was learned did.
func TestT5FromText(t *testing.T) {
	rows := animals(t)
	for _, golden := range []string{t5Relu, t5Gated} {
		base := t5Letters(t, golden)
		for _, c := range []struct {
			method, peft string
			more         []string
			targets      string // in adapter_config.json
		}{
			{"z", "POLY", []string{"--router-lr", "1"}, ""},
			{"z", "POLY", []string{"--router-lr", "1", "--granularity", "coder"}, ""},
			{"mu", "LORA", nil, ""},
			{"mhr", "POLY", nil, ""},
			{"lora", "LORA", nil, `"wo"`},
			{"lora", "LORA", []string{"--targets", "ni"}, `EncDecAttention|DenseReluDense)\\.(q|k|v|o)"`},
			{"lora", "LORA", []string{"--targets", "t0"}, `(q|k|v|o|wi_1.*|wi_0.*|wo)"`},
			{"lora", "LORA", []string{"--targets", "EncDecAttention.q,EncDecAttention.v"}, `"EncDecAttention.q"`},
			{"ia3", "IA3", nil, `"wo"`},
			{"ia3", "IA3", []string{"--targets", "ia3"}, `(k|v|wi_1.*)"`},
		} {
			t.Run(filepath.Base(golden)+"/"+strings.Join(append([]string{c.method}, c.more...), " "), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				args := append([]string{"adapt", "--device", "cpu", "--base", base, "--examples", rows, "--method", c.method, "--out", out, "--steps", "12", "--batch", "6", "--lr", "0.03", "--holdout", "0.25"}, c.more...)
				if c.peft != "IA3" && c.method != "lora" {
					args = append(args, "--inventory", golden+"/s4/adapter_init")
				}
				o := good(t, args...)
				for _, name := range []string{"base ", "adapted "} {
					if !strings.Contains(o.stderr, "\n"+name) {
						t.Errorf("no score of %s in\n%s", name, o.stderr)
					}
				}
				if l := trainLog(t, out); !(l[len(l)-1] < l[0]) {
					t.Errorf("losses %v do not fall", l)
				}
				config := string(read(t, filepath.Join(out, "adapter_config.json")))
				for _, want := range []string{`"peft_type": "` + c.peft + `"`, `"task_type": "SEQ_2_SEQ_LM"`, c.targets} {
					if !strings.Contains(config, want) {
						t.Errorf("no %s in %s", want, config)
					}
				}
				if card := string(read(t, filepath.Join(out, "README.md"))); !strings.Contains(card, "AutoModelForSeq2SeqLM.from_pretrained") {
					t.Errorf("the card is another model's:\n%s", card)
				}
				good(t, "inspect", out)
				var s scores
				if err := json.Unmarshal([]byte(good(t, "score", "--device", "cpu", "--base", base, "--adapter", out, "--examples", rows, "--json").stdout), &s); err != nil || len(s.Rows) != 12 || s.Rows[0].Tokens != 6 {
					t.Errorf("%v, %+v: want 12 rows, of ▁meat and the end 6 tokens", err, s)
				}
				if c.method != "mhr" {
					good(t, "generate", "--device", "cpu", "--base", base, "--adapter", out, "--prompt", "ham a", "--template", "--max-tokens", "6")
				}
			})
		}
	}
}

// T-Few's and Natural Instructions' losses through the program; the first loss
// of a LoRA whose B is zero is the bare base's.
func TestT5Losses(t *testing.T) {
	for name, golden := range map[string]string{"v1.0": t5Relu, "v1.1": t5Gated} {
		want := float64(formattest.Safetensors(t, filepath.Join(golden, "base_forward.safetensors")).F32("label_smoothed_loss_ni")[0])
		devices(t, func(t *testing.T, device ...string) {
			out := filepath.Join(t.TempDir(), "out")
			good(t, append([]string{"adapt", "--base", golden, "--examples", rowsIn(t, golden, 4), "--method", "lora", "--out", out,
				"--loss", "ni", "--order", "file", "--batch", "4", "--steps", "1"}, device...)...)
			if got := trainLog(t, out)[0]; !near(got, want, 2e-5, 1e-4) {
				t.Errorf("%s: loss %v, want %v", name, got, want)
			}
			out = filepath.Join(t.TempDir(), "tfew")
			good(t, append([]string{"adapt", "--base", t5Letters(t, golden), "--inventory", golden + "/s4/adapter_init", "--examples", animals(t), "--method", "mu", "--out", out,
				"--loss", "tfew", "--optimizer", "adafactor", "--lr", "0.03", "--batch", "12", "--steps", "20"}, device...)...)
			if l := trainLog(t, out); len(l) != 20 || !(l[19] < l[0]-0.5) {
				t.Errorf("%s: losses %v do not fall", name, l)
			}
		})
	}
}

// A T5 answers greedily, by beams and by sampling, and is judged by its choices
// and its answers, with and without examples in the prompt.
func TestT5Answers(t *testing.T) {
	base, rows := t5Letters(t, t5Gated), animals(t)
	say := func(more ...string) string {
		return good(t, append([]string{"generate", "--device", "cpu", "--base", base, "--prompt", "ham a", "--max-tokens", "8"}, more...)...).stdout
	}
	greedy := say()
	if len(strings.TrimSpace(greedy)) == 0 || say("--beams", "1") != greedy {
		t.Errorf("greedy %q, one beam %q", greedy, say("--beams", "1"))
	}
	say("--beams", "4", "--length-penalty", "-2")
	if hot := say("--temperature", "2", "--top-p", "0.9", "--seed", "3"); hot != say("--temperature", "2", "--top-p", "0.9", "--seed", "3") || hot == greedy {
		t.Errorf("sampled %q", hot)
	}
	common := []string{"eval", "--device", "cpu", "--base", base, "--examples", rows, "--inventory", t5Gated + "/s4/adapter_init", "--json"}
	for name, more := range map[string][]string{
		"choices":    {"--shots", "4", "--method", "mu", "--method", "icl", "--method", "best-task", "--steps", "2"},
		"answers":    {"--metric", "rougeL", "--max-tokens", "5"},
		"by beams":   {"--metric", "exact", "--beams", "4", "--max-tokens", "5"},
		"in context": {"--metric", "exact", "--shots", "3", "--method", "icl", "--max-tokens", "5"},
	} {
		var out struct {
			Rows []struct {
				Name  string
				N     int
				Value *float64
			}
		}
		if o := good(t, append(common, more...)...); json.Unmarshal([]byte(o.stdout), &out) != nil || len(out.Rows) < 2 || out.Rows[0].N == 0 {
			t.Errorf("%s: %q", name, o.stdout)
		}
	}
}

// An inventory for a T5 is trained on tasks, searched for a start and compared.
func TestT5Pretrain(t *testing.T) {
	dir := t.TempDir()
	tasks, inv := filepath.Join(dir, "tasks"), filepath.Join(dir, "inv")
	for k := range 3 {
		var rows strings.Builder
		for i := range 24 {
			fmt.Fprintf(&rows, `{"input_ids":[%d,%d,%d,1],"labels":[%d,1]}`+"\n", 3+i*3, 5+i, 90-i*2, 3+(i*3+k*7)%90)
		}
		write(t, filepath.Join(tasks, fmt.Sprintf("t%d.jsonl", k)), rows.String())
	}
	common := []string{"--device", "cpu", "--base", t5Gated}
	good(t, append([]string{"pretrain", "--tasks", tasks, "--skills", "3", "--splits", "4", "--rank", "2", "--steps", "40", "--groups", "2", "--batch", "4", "--lr", "0.02", "--router-lr", "0.5", "--targets", "t0", "--out", inv}, common...)...)
	if l := trainLog(t, inv); !(l[len(l)-1] < l[0]-1) {
		t.Errorf("losses %v do not fall by a nat", l)
	}
	if config := string(read(t, filepath.Join(inv, "adapter_config.json"))); !strings.Contains(config, `"SEQ_2_SEQ_LM"`) {
		t.Errorf("adapter_config.json: %s", config)
	}
	for _, init := range []string{"best:2", "task:t1", "mean"} {
		good(t, append([]string{"adapt", "--inventory", inv, "--examples", filepath.Join(tasks, "t1.jsonl"), "--method", "z", "--router-init", init, "--steps", "3", "--out", filepath.Join(dir, "z"+init[:2])}, common...)...)
	}
	var a aligned
	if err := json.Unmarshal([]byte(good(t, append([]string{"align", "--inventory", inv, "--tasks", tasks, "--json"}, common...)...).stdout), &a); err != nil || len(a.Cosine) != 3 {
		t.Errorf("%v, %+v", err, a)
	}
	bad(t, 1, []string{"training the weights of a t5", "--base-trainable"}, append([]string{"pretrain", "--tasks", tasks, "--base-trainable", "--steps", "1", "--out", filepath.Join(dir, "x")}, common...)...)
}

func TestT5Faults(t *testing.T) {
	base, dir := t5Letters(t, t5Relu), t.TempDir()
	file := func(rows string) string { return write(t, filepath.Join(dir, "rows.jsonl"), rows) }
	for _, c := range []struct {
		name, rows string
		words      []string
		more       []string
	}{
		{"no labels", `{"input_ids":[1,2],"labels":[]}`, []string{"line 1", "labels"}, nil},
		{"a label outside", `{"input_ids":[1,2],"labels":[96]}`, []string{"line 1 has label 96"}, nil},
		{"a token outside", `{"input_ids":[96],"labels":[1]}`, []string{"line 1 has token 96"}, nil},
		{"only ignored", `{"input_ids":[1,2],"labels":[-100]}`, []string{"line 1", "no label that counts"}, nil},
		{"Llama's modules", `{"input":"a","output":"b"}`, []string{"--targets [q_proj] match no linear", "such as q, v"}, []string{"--targets", "q_proj"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad(t, 1, c.words, append([]string{"adapt", "--device", "cpu", "--base", base, "--examples", file(c.rows), "--method", "lora", "--out", filepath.Join(dir, "out")}, c.more...)...)
		})
	}
	bad(t, 1, []string{"--targets [t0] match no linear", "such as q_proj, v_proj"}, "adapt", "--device", "cpu", "--base", golden, "--examples", goldenRows(t, 4), "--method", "lora", "--targets", "t0", "--out", filepath.Join(dir, "out"))
	bad(t, 1, []string{"sites do not fit the base", "decoder.block.0"}, "score", "--device", "cpu", "--base", golden, "--adapter", t5Relu+"/s4/mhr_mu/adapter_init", "--examples", goldenRows(t, 4))
	bad(t, 2, []string{"--beams"}, "generate", "--base", base, "--prompt", "a", "--beams", "0")
	bad(t, 2, []string{"does not sample"}, "generate", "--base", base, "--prompt", "a", "--beams", "2", "--temperature", "1")
}
