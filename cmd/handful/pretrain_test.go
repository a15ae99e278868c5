package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"handful/core/format/formattest"
)

// goldenBatches writes the golden batches as given ones.
func goldenBatches(t *testing.T) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(read(t, goldenRows(t, 0)))), "\n")
	var out strings.Builder
	for k := 0; k < len(lines); k += 4 {
		fmt.Fprintf(&out, "{\"step\":%d,\"rows\":[%s]}\n", k/4, strings.Join(lines[k:k+4], ","))
	}
	return write(t, filepath.Join(t.TempDir(), "batches.jsonl"), out.String())
}

func TestPretrainGolden(t *testing.T) { devices(t, pretrainGolden) }

// pretrainGolden trains the golden inventory on the golden batches.
func pretrainGolden(t *testing.T, device ...string) {
	batches := goldenBatches(t)
	for _, c := range []struct {
		golden string
		args   []string
		steps  []string
	}{
		{"mhr_full", []string{"--clip", "0", "--warmup", "0", "--schedule", "constant"}, []string{"1", "10"}},
		{"mhr_full_sched", []string{"--clip", "0.1", "--warmup", "2", "--schedule", "linear"}, []string{"10"}},
	} {
		for _, steps := range c.steps {
			t.Run(c.golden+"/step"+steps, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				o := good(t, slices.Concat([]string{"pretrain", "--base", golden, "--inventory", golden + "/s4/adapter_init", "--batches", batches,
					"--out", out, "--steps", steps, "--lr", "1e-3", "--router-lr", "0.1", "--weight-decay", "0.01"}, device, c.args)...)
				if strings.TrimSpace(o.stdout) != out {
					t.Errorf("stdout %q, want the folder alone", o.stdout)
				}
				compareStep(t, filepath.Join(golden, "s4", c.golden, "step"+steps+".safetensors"), filepath.Join(out, "adapter_model.safetensors"), 5e-3)
				wantLosses(t, filepath.Join(out, "train.jsonl"), golden+"/s4/meta.json", c.golden)
			})
		}
	}
}

// TestPretrainAsInPython holds 20 steps on batches that mix tasks against the
// Python recipe's (testdata/pretrain/README.md).
func TestPretrainAsInPython(t *testing.T) {
	devices(t, func(t *testing.T, device ...string) {
		const dir = "testdata/pretrain"
		out := filepath.Join(t.TempDir(), "out")
		good(t, append([]string{"pretrain", "--base", golden, "--inventory", dir + "/step0", "--batches", dir + "/batches.jsonl", "--out", out,
			"--steps", "20", "--lr", "1e-3", "--router-lr", "0.1", "--clip", "1", "--warmup", "4", "--schedule", "linear"}, device...)...)
		compareStep(t, dir+"/step20.safetensors", filepath.Join(out, "adapter_model.safetensors"), 1e-4)
		wantLosses(t, filepath.Join(out, "train.jsonl"), dir+"/meta.json", "recipe")
	})
}

// wantLosses holds a log against the golden losses and norms.
func wantLosses(t *testing.T, log, meta, run string) {
	t.Helper()
	all := map[string]json.RawMessage{}
	var want struct {
		Losses    []float64 `json:"losses"`
		GradNorms []float64 `json:"grad_norms"`
	}
	if err := json.Unmarshal(read(t, meta), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[run], &want); err != nil {
		t.Fatal(err)
	}
	for i, s := range steps(t, log) {
		if s.Step != i+1 || !near(s.Loss, want.Losses[i], 2e-4, 0) || !near(s.GradNorm, want.GradNorms[i], 2e-4, 1e-3) {
			t.Errorf("line %d: %+v, want loss %v and norm %v", i+1, s, want.Losses[i], want.GradNorms[i])
		}
	}
}

type step struct {
	Step     int      `json:"step"`
	Loss     float64  `json:"loss"`
	GradNorm float64  `json:"grad_norm"`
	Held     *float64 `json:"held_loss"`
}

// steps reads a log's lines of steps.
func steps(t *testing.T, log string) (list []step) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSpace(string(read(t, log))), "\n") {
		var s step
		if err := json.Unmarshal([]byte(l), &s); err != nil {
			t.Fatalf("%v in %q", err, l)
		}
		if s.Held == nil {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no step", log)
	}
	return list
}

// toy writes a configuration without weights, with a tokenizer of single
// characters, and three tasks on letters.
func toy(t *testing.T) (base, tasks string) {
	t.Helper()
	base, tasks = filepath.Join(t.TempDir(), "base"), filepath.Join(t.TempDir(), "tasks")
	write(t, filepath.Join(base, "config.json"), `{"model_type":"llama","num_hidden_layers":2,"hidden_size":48,"intermediate_size":96,"num_attention_heads":4,
"num_key_value_heads":2,"vocab_size":100,"max_position_embeddings":128,"rope_theta":10000,"rms_norm_eps":1e-5,"tie_word_embeddings":true,"initializer_range":0.05,"hidden_act":"silu"}`)
	vocab := map[string]int{"<|im_end|>": 0, "Ċ": 1, "Ġ": 2} // a line's end and a space, as byte-level vocabularies write them
	for c := '!'; c <= '~'; c++ {
		vocab[string(c)] = len(vocab)
	}
	v, err := json.Marshal(vocab)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(base, "tokenizer.json"), fmt.Sprintf(`{"model":{"type":"BPE","vocab":%s,"merges":[]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
"decoder":{"type":"ByteLevel"},"added_tokens":[{"id":0,"content":"<|im_end|>","special":true}]}`, v))
	var list []string
	for k, name := range []string{"upper", "next", "vowel"} {
		list = append(list, fmt.Sprintf(`{"name":%q,"split":"train","category":%q,"instruction":%q,"ship":true,"licence":"CC0"}`, name, name, name))
		var rows strings.Builder
		for i := range 26 {
			c := 'a' + rune(i)
			out := []string{strings.ToUpper(string(c)), string('a' + (c-'a'+1)%26), map[bool]string{true: "yes", false: "no"}[strings.ContainsRune("aeiou", c)]}[k]
			for _, in := range []string{string(c), string(c) + string(c)} {
				fmt.Fprintf(&rows, "{\"input\":%q,\"output\":%q}\n", in, out)
			}
		}
		write(t, filepath.Join(tasks, "train", name+".jsonl"), rows.String())
	}
	write(t, filepath.Join(tasks, "manifest.json"), "["+strings.Join(list, ",")+"]")
	return base, tasks
}

// small are the flags of a quick run on the toy.
func small(base, tasks, out string, more ...string) []string {
	return append([]string{"pretrain", "--device", "cpu", "--base", base, "--tasks", tasks, "--out", out, "--base-trainable", "--base-init", "random", "--skills", "4", "--splits", "4",
		"--rank", "2", "--groups", "3", "--batch", "4", "--init-rows", "sparse:2:2", "--base-lr", "3e-3", "--lr", "3e-3", "--seed", "7"}, more...)
}

// TestPretrainLearns makes a model and its inventory out of nothing but tasks.
func TestPretrainLearns(t *testing.T) {
	base, tasks := toy(t)
	out := filepath.Join(t.TempDir(), "out")
	good(t, small(base, tasks, out, "--steps", "120", "--eval-every", "60", "--dtype", "F16")...)
	list := steps(t, filepath.Join(out, "train.jsonl"))
	first, last := 0.0, 0.0
	for i := range 10 {
		first, last = first+list[i].Loss/10, last+list[len(list)-1-i].Loss/10
	}
	if len(list) != 120 || last > first/2 {
		t.Errorf("%d steps, loss %.3f to %.3f; want 120 and half", len(list), first, last)
	}
	var m struct {
		Tasks   []string `json:"tasks"`
		Steps   int      `json:"steps"`
		Sources []struct {
			Licence string   `json:"licence"`
			Held    *float64 `json:"held_loss"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(read(t, filepath.Join(out, "manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Tasks) != "[upper next vowel]" || m.Steps != 120 || len(m.Sources) != 3 || m.Sources[0].Licence != "CC0" {
		t.Errorf("manifest %+v", m)
	}
	if card := string(read(t, filepath.Join(out, "README.md"))); !strings.Contains(card, "| upper | ") || !strings.Contains(card, "CC0") {
		t.Errorf("the card does not list the tasks:\n%s", card)
	}
	// What was written is a model with an inventory: the rows score as in training.
	rows := write(t, filepath.Join(t.TempDir(), "rows.jsonl"), `{"input":"k","output":"K","instruction":"upper"}`+"\n"+`{"input":"q","output":"Q","instruction":"upper"}`)
	loss := func(args ...string) float64 {
		var s scores
		o := good(t, append([]string{"score", "--device", "cpu", "--base", filepath.Join(out, "base"), "--examples", rows, "--json"}, args...)...)
		if err := json.Unmarshal([]byte(o.stdout), &s); err != nil {
			t.Fatal(err)
		}
		return s.Loss
	}
	if own, other := loss("--inventory", out, "--task", "upper"), loss("--inventory", out, "--task", "vowel"); own > 1.5 || own >= other {
		t.Errorf("loss %.3f by the task's own routing, %.3f by another's", own, other)
	}
	if _, err := os.Stat(filepath.Join(out, checkpointName)); err == nil {
		t.Error("a finished run keeps no checkpoint")
	}
	bad(t, 1, []string{"finished"}, small(base, tasks, out, "--steps", "120", "--resume")...)
	bad(t, 1, []string{"not empty"}, small(base, tasks, out, "--steps", "120")...)
}

// TestPretrainKilled kills a run, stops it, and lets it go on: the result is
// that of one that was left alone, to the bit.
func TestPretrainKilled(t *testing.T) {
	unix(t)
	base, tasks := toy(t)
	dir := t.TempDir()
	flags := []string{"--steps", "40", "--save-every", "3", "--relaxed", "--granularity", "block"}
	good(t, small(base, tasks, filepath.Join(dir, "whole"), flags...)...)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		out := filepath.Join(dir, sig.String())
		cmd := exec.Command(program, small(base, tasks, out, flags...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			if _, err := os.Stat(filepath.Join(out, checkpointName)); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); (err == nil) != (sig == syscall.SIGINT) {
			t.Errorf("%v ends the program with %v", sig, err)
		}
		if _, err := os.Stat(filepath.Join(out, checkpointName)); err != nil {
			t.Fatalf("%v: no checkpoint: %v", sig, err)
		}
		bad(t, 1, []string{"--resume", "not empty"}, small(base, tasks, out, flags...)...)
		bad(t, 1, []string{"resume", "lr was 0.003, is 0.5"}, small(base, tasks, out, append(flags, "--resume", "--lr", "0.5")...)...)
		good(t, small(base, tasks, out, append(flags, "--resume")...)...)
		for _, f := range []string{"adapter_model.safetensors", "task_rows.safetensors", "base/model.safetensors"} {
			if string(read(t, filepath.Join(out, f))) != string(read(t, filepath.Join(dir, "whole", f))) {
				t.Errorf("%v: %s differs from that of a run left alone", sig, f)
			}
		}
		if n := len(steps(t, filepath.Join(out, "train.jsonl"))); n != 40 {
			t.Errorf("%v: %d steps in the log, want 40", sig, n)
		}
	}
	// Without a checkpoint there is nothing to go on from: it begins again.
	again := filepath.Join(dir, "again")
	write(t, filepath.Join(again, "train.jsonl"), `{"step":1,"loss":9}`+"\n")
	good(t, small(base, tasks, again, append(flags, "--resume")...)...)
	if string(read(t, filepath.Join(again, "adapter_model.safetensors"))) != string(read(t, filepath.Join(dir, "whole", "adapter_model.safetensors"))) {
		t.Error("a run that begins again ends elsewhere")
	}
}

// unix skips where there are no signals and limits to send and set.
func unix(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: wants signals")
	}
}

// TestPretrainFullDisk goes on with a run where no file may grow to the size of
// a checkpoint.
func TestPretrainFullDisk(t *testing.T) {
	unix(t)
	base, tasks := toy(t)
	out := filepath.Join(t.TempDir(), "out")
	flags := small(base, tasks, out, "--steps", "9", "--save-every", "3")
	cmd := exec.Command(program, flags...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if _, err := os.Stat(filepath.Join(out, checkpointName)); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	if _, err := os.Stat(filepath.Join(out, checkpointName)); err != nil {
		t.Skip("the run ended before it could be killed")
	}
	before := string(read(t, filepath.Join(out, checkpointName)))
	limited := exec.Command("sh", append([]string{"-c", `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`, program}, append(flags, "--resume")...)...)
	said, err := limited.CombinedOutput()
	if err == nil {
		t.Fatal("a file that may not grow must be a fault")
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "handful: --out: ") || !strings.Contains(last, checkpointName) {
		t.Errorf("the fault is %q", said)
	}
	if string(read(t, filepath.Join(out, checkpointName))) != before {
		t.Error("the last checkpoint is not what it was")
	}
	good(t, append(flags, "--resume")...)
}

func TestPretrainBadTasks(t *testing.T) {
	base, tasks := toy(t)
	file := func(name, text string) func(dir string) {
		return func(dir string) { write(t, filepath.Join(dir, name), text) }
	}
	for _, c := range []struct {
		name  string
		spoil func(dir string)
		words []string
	}{
		{"no output", file("train/next.jsonl", `{"input":"a","output":"b"}`+"\n"+`{"input":"c"}`), []string{"train/next.jsonl:2: ", "no output"}},
		{"a long line", file("train/next.jsonl", `{"input":"a","output":"b"}`+"\n"+`{"input":"`+strings.Repeat("x", 1<<20)+`","output":"c"}`), []string{"train/next.jsonl:2: ", "bytes"}},
		{"another encoding", file("train/next.jsonl", `{"input":"a","output":"b"}`+"\n"+"{\"input\":\"\xe9\",\"output\":\"c\"}"), []string{"train/next.jsonl:2:", "UTF-8"}},
		{"UTF-16", file("train/next.jsonl", "\xff\xfea\x00"), []string{"train/next.jsonl", "UTF-16"}},
		{"a missing file", func(dir string) { os.Remove(filepath.Join(dir, "train/next.jsonl")) }, []string{"manifest.json", "next", "no file"}},
		{"too long for the context", file("train/next.jsonl", `{"input":"a","output":"b"}`+"\n"+`{"input":"`+strings.Repeat("x", 200)+`","output":"c"}`), []string{"train/next.jsonl:2: ", "tokens", "--truncate"}},
		{"a manifest that is none", file("manifest.json", `[{"name":"../x"}]`), []string{"manifest.json", "../x"}},
		{"a task twice", file("manifest.json", `[{"name":"next"},{"name":"next"}]`), []string{"manifest.json", "twice"}},
		{"nothing", file("manifest.json", `[]`), []string{"no training task"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(tasks)); err != nil {
				t.Fatal(err)
			}
			c.spoil(dir)
			bad(t, 1, c.words, small(base, dir, filepath.Join(t.TempDir(), "out"), "--steps", "2")...)
		})
	}
	t.Run("what would do harm is left out and named", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(tasks)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "manifest.json"), `[{"name":"upper"},{"name":"next"},{"name":"one"},{"name":"kept","split":"heldout"}]`)
		write(t, filepath.Join(dir, "train/one.jsonl"), `{"input":"a","output":"x"}`+"\n"+`{"input":"b","output":"x"}`)
		write(t, filepath.Join(dir, "heldout/kept.jsonl"), "\n"+`{"input":"b","output":"c"}`)
		o := good(t, small(base, dir, filepath.Join(t.TempDir(), "out"), "--steps", "2")...)
		for _, w := range []string{"train/one.jsonl:1: the task is left out", "train/next.jsonl:3: left out: the row is held out, heldout/kept.jsonl:2", "2 tasks"} {
			if !strings.Contains(o.stderr, w) {
				t.Errorf("stderr lacks %q:\n%s", w, o.stderr)
			}
		}
	})
	t.Run("flags", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		for _, c := range []struct {
			code  int
			words []string
			args  []string
		}{
			{2, []string{"--tasks"}, []string{"pretrain", "--base", base, "--out", out}},
			{2, []string{"--base-init"}, []string{"pretrain", "--base", base, "--tasks", tasks, "--out", out, "--base-init", "random"}},
			{2, []string{"sparse:K:SCALE"}, small(base, tasks, out, "--init-rows", "sparse:x")},
			{2, []string{"granularity", "fine, layer"}, small(base, tasks, out, "--granularity", "x")},
			{2, []string{"--steps"}, small(base, tasks, out, "--steps", "0")},
			{1, []string{"n_splits 5"}, small(base, tasks, out, "--splits", "5")},
			{1, []string{"sparse:9 of 4"}, small(base, tasks, out, "--init-rows", "sparse:9:1")},
			{1, []string{"holds no run"}, small(base, tasks, base, "--resume")},
		} {
			bad(t, c.code, c.words, c.args...)
		}
	})
}

func TestPretrainBadBatches(t *testing.T) {
	ok := `{"step":0,"rows":[{"input_ids":[1,2,3],"labels":[-100,2,3],"task_id":0}]}` + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"no JSON", ok + "{", "batches.jsonl:2: not a batch"},
		{"steps out of order", ok + strings.Replace(ok, `"step":0`, `"step":2`, 1), "batches.jsonl:2: step 2, want 1"},
		{"no rows", `{"step":0,"rows":[]}`, "batches.jsonl:1: want"},
		{"lengths", `{"step":0,"rows":[{"input_ids":[1,2,3],"labels":[2,3],"task_id":0}]}`, "batches.jsonl:1: row 1: has 3 input_ids and 2 labels"},
		{"a token outside", `{"step":0,"rows":[{"input_ids":[1,2,999],"labels":[-100,2,3],"task_id":0}]}`, "batches.jsonl:1: row 1: has token 999"},
		{"a task outside", `{"step":0,"rows":[{"input_ids":[1,2,3],"labels":[-100,2,3],"task_id":7}]}`, "8 tasks, the inventory's routers have 3"},
		{"too few", ok, "1 batches, want one for each of --steps 2"},
		{"empty", "", "no batch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "batches.jsonl"), c.text)
			n := "2"
			if strings.HasPrefix(c.name, "a t") {
				n = "1"
			}
			bad(t, 1, []string{c.want}, "pretrain", "--device", "cpu", "--base", golden, "--inventory", golden+"/s4/adapter_init", "--batches", file, "--steps", n, "--out", filepath.Join(t.TempDir(), "out"))
		})
	}
}

// TestPretrainedBaseIsWhole: what is written of a base that was trained is a
// model that other programs read; with a learning rate of 0 it is what it was.
func TestPretrainedBaseIsWhole(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	good(t, "pretrain", "--device", "cpu", "--base", golden, "--batches", goldenBatches(t), "--steps", "3", "--base-trainable", "--base-lr", "0", "--skills", "0", "--out", out)
	was, is := formattest.Safetensors(t, golden+"/model.safetensors"), formattest.Safetensors(t, out+"/base/model.safetensors")
	if fmt.Sprint(was.Names()) != fmt.Sprint(is.Names()) {
		t.Fatalf("tensors %v, want %v", is.Names(), was.Names())
	}
	for _, n := range was.Names() {
		if fmt.Sprint(was.F32(n)) != fmt.Sprint(is.F32(n)) {
			t.Errorf("%s has changed", n)
		}
	}
	good(t, "inspect", out+"/base")
}
