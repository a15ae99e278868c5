package main

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Wrong usage is one line and status 2, whatever files say.
func TestUsage(t *testing.T) {
	adapt := func(args ...string) []string {
		return append([]string{"adapt", "--base", "b", "--inventory", "i", "--examples", "e", "--out", "o", "--method", "z"}, args...)
	}
	for _, c := range []struct {
		word string
		args []string
	}{
		{`no command "fly"`, []string{"fly"}},
		{"unknown flag: --fly", []string{"--fly"}},
		{"unknown flag: --fly", adapt("--fly")},
		{"unknown shorthand flag: 'x'", adapt("-x")},
		{"flag needs an argument: --lr", adapt("--lr")},
		{"unknown command", adapt("stray")},
		{"adapt wants --base", []string{"adapt"}},
		{"adapt wants --examples", []string{"adapt", "--base", "b"}},
		{"adapt wants --method", []string{"adapt", "--base", "b", "--examples", "e"}},
		{"adapt wants --out", []string{"adapt", "--base", "b", "--examples", "e", "--method", "z"}},
		{`--method "foo", want z, mu, mhr, lora`, adapt("--method", "foo")},
		{"--steps -1, want 1 or more", adapt("--steps", "-1")},
		{"--steps 0, want 1 or more", adapt("--steps", "0")},
		{`--steps: got "many", want a whole number`, adapt("--steps", "many")},
		{`--steps: got "1e3", want a whole number`, adapt("--steps", "1e3")},
		{`--steps: got "99999999999999999999", want a whole number`, adapt("--steps", "99999999999999999999")},
		{"--steps 2147483648000, want at most 1000000", adapt("--steps", "2147483648000")},
		{"--batch -3, want 1 or more", adapt("--batch", "-3")},
		{`--lr: got "abc", want a number`, adapt("--lr", "abc")},
		{`--lr: got "1e400", want a number`, adapt("--lr", "1e400")},
		{`--truncate: got "maybe", want true or false`, adapt("--truncate=maybe")},
		{"--batch 0", adapt("--batch", "0")},
		{"--lr NaN", adapt("--lr", "NaN")},
		{"--lr +Inf", adapt("--lr", "Inf")},
		{"--lr -1", adapt("--lr", "-1")},
		{"--router-lr NaN", adapt("--router-lr", "nan")},
		{"--weight-decay -0.1", adapt("--weight-decay", "-0.1")},
		{"--clip -1", adapt("--clip", "-1")},
		{"--warmup -1", adapt("--warmup", "-1")},
		{`--keep "first", want last, best`, adapt("--keep", "first")},
		{"--holdout 1.5", adapt("--holdout", "1.5")},
		{"--holdout 1", adapt("--holdout", "1")},
		{"--holdout -0.1", adapt("--holdout", "-0.1")},
		{`--optimizer "sgd", want adamw, adafactor`, adapt("--optimizer", "sgd")},
		{`--loss "mse", want lm, tfew, ni, auto`, adapt("--loss", "mse")},
		{`--schedule "cosine"`, adapt("--schedule", "cosine")},
		{`--order "random"`, adapt("--order", "random")},
		{`--router-init "guess"`, adapt("--router-init", "guess")},
		{"--router-init keep", adapt("--router-init", "keep")},
		{`--router-init "best:0"`, adapt("--router-init", "best:0")},
		{`--selector "softmax"`, adapt("--selector", "softmax")},
		{`--granularity "rough"`, adapt("--granularity", "rough")},
		{"--relaxed does not go", adapt("--relaxed", "--selector", "l2")},
		{"--router-init mean", adapt("--router-init", "mean", "--selector", "straight-through")},
		{"--save-steps 11", adapt("--steps", "10", "--save-steps", "1,11")},
		{`--save-steps: got "a", want whole numbers with commas`, adapt("--save-steps", "a")},
		{"--save-steps 0, want 1 to 40", adapt("--save-steps", "0")},
		{"--shots -1", adapt("--shots", "-1")},
		{"--rank 0", adapt("--method", "lora", "--rank", "0")},
		{"--rank 1000000000, want at most 4096", adapt("--method", "lora", "--rank", "1000000000")},
		{"--alpha NaN", adapt("--method", "lora", "--alpha", "NaN")},
		{"--holdout NaN", adapt("--holdout", "NaN")},
		{`--seed: got "-1", want a whole number of 0 or more`, adapt("--seed", "-1")},
		{`--device: got "tpu", want auto, cpu or gpu`, adapt("--device", "tpu")},
		{"--memory: got -1, want 0 or more", adapt("--memory", "-1")},
		{`--memory: got "1e9", want a whole number`, adapt("--memory", "1e9")},
		{"--max-binding: got -1, want 0 or more", adapt("--max-binding", "-1")},
		{"score wants --examples", []string{"score", "--base", "b"}},
		{"--task goes with --inventory", []string{"score", "--base", "b", "--examples", "e", "--adapter", "a", "--task", "3"}},
		{"generate wants --prompt", []string{"generate", "--base", "b"}},
		{"--max-tokens: got 0, want 1 or more", []string{"generate", "--base", "b", "--prompt", "p", "--max-tokens", "0"}},
		{"--temperature: got NaN, want 0 or more", []string{"generate", "--base", "b", "--prompt", "p", "--temperature", "NaN"}},
		{"--top-p: got 1.1, want above 0 to 1", []string{"generate", "--base", "b", "--prompt", "p", "--top-p", "1.1"}},
		{"one of --examples and --tasks", []string{"eval", "--base", "b"}},
		{"one of --examples and --tasks", []string{"eval", "--base", "b", "--examples", "e", "--tasks", "t"}},
		{"--shots: got 0", []string{"eval", "--base", "b", "--examples", "e", "--shots", "0"}},
		{"--method wants --shots", []string{"eval", "--base", "b", "--examples", "e", "--method", "z"}},
		{"--method z wants --inventory", []string{"eval", "--base", "b", "--examples", "e", "--shots", "4", "--method", "z"}},
		{`--method "foo"`, []string{"eval", "--base", "b", "--inventory", "i", "--examples", "e", "--shots", "4", "--method", "foo"}},
		{"--seeds: got 0, want 1 or more", []string{"eval", "--base", "b", "--examples", "e", "--seeds", "0"}},
		{"--limit: got -1, want 0 or more", []string{"eval", "--base", "b", "--examples", "e", "--limit", "-1"}},
		{`--shots: got "x", want whole numbers`, []string{"eval", "--base", "b", "--examples", "e", "--shots", "x"}},
		{"inspect wants one path", []string{"inspect"}},
		{"inspect wants one path", []string{"inspect", "a", "b"}},
		{"kernels, step, load and all", []string{"bench", "speed"}},
		{"bench wants --base", []string{"bench", "step"}},
		{"--tokens", []string{"bench", "step", "--base", "b", "--tokens", "1"}},
		{`--addr: got "8080"`, []string{"serve", "--addr", "8080"}},
	} {
		bad(t, 2, []string{c.word}, c.args...)
	}
}

// Help is asked for, so it is the answer.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"help", "adapt"}, {"adapt", "--help"}, {"--version"}} {
		if o := good(t, args...); o.stdout == "" || o.stderr != "" {
			t.Errorf("%v: stdout %q, stderr %q", args, o.stdout, o.stderr)
		}
	}
	if o := good(t, "adapt", "--help"); !strings.Contains(o.stdout, "--max-binding") {
		t.Error("adapt --help lacks --max-binding")
	}
}

// edit spoils one file of a copied folder.
func edit(t *testing.T, dir, file string, change func([]byte) []byte) string {
	t.Helper()
	to := copyDir(t, dir)
	p := filepath.Join(to, file)
	write(t, p, string(change(read(t, p))))
	return to
}

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
}

// Bad input is one line and status 1, and an earlier result stays as it was.
func TestBadInput(t *testing.T) {
	rows := goldenRows(t, 4)
	inv := golden + "/s4/adapter_init"
	dir := t.TempDir()
	text := func(name, s string) string { return write(t, filepath.Join(dir, name), s) }
	out := filepath.Join(dir, "out")
	good(t, "adapt", "--device", "cpu", "--base", golden, "--inventory", inv, "--examples", rows, "--out", out, "--method", "mu", "--steps", "1")
	before := read(t, filepath.Join(out, "adapter_model.safetensors"))

	adapt := func(base, inventory, examples string, more ...string) []string {
		return append([]string{"adapt", "--device", "cpu", "--out", out, "--method", "z", "--steps", "3", "--base", base, "--inventory", inventory, "--examples", examples}, more...)
	}
	const weights, config = "model.safetensors", "config.json"
	const adapterWeights, adapterConfig = "adapter_model.safetensors", "adapter_config.json"
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }
	header := func(n uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b, n); return b }
	}
	long := `{"input_ids":[` + strings.Repeat("1,", 5000) + `2],"labels":[` + strings.Repeat("-100,", 5000) + `2]}`

	for _, c := range []struct {
		name  string
		words []string
		args  []string
	}{
		{"missing base", []string{"--base", "no/such", "check the path"}, adapt("no/such", inv, rows)},
		{"empty folder as base", []string{"--base", "holds no files"}, adapt(t.TempDir(), inv, rows)},
		{"base is text", []string{"got text"}, adapt(text("base.txt", "hello\n"), inv, rows)},
		{"base is a web page", []string{"HTML"}, adapt(text("base.gguf", "<!doctype html><p>404"), inv, rows)},
		{"base is an LFS pointer", []string{"git lfs pull"}, adapt(text("lfs.gguf", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"), inv, rows)},
		{"base is an empty file", []string{"empty file"}, adapt(text("empty.gguf", ""), inv, rows)},
		{"base is an adapter", []string{"config.json"}, adapt(inv, inv, rows)},
		{"truncated safetensors", []string{weights}, adapt(edit(t, golden, weights, cut(100)), inv, rows)},
		{"header longer than the file", []string{weights}, adapt(edit(t, golden, weights, header(1<<40)), inv, rows)},
		{"header of no length", []string{weights}, adapt(edit(t, golden, weights, header(0)), inv, rows)},
		{"trailing bytes", []string{weights}, adapt(edit(t, golden, weights, func(b []byte) []byte { return append(b, 0) }), inv, rows)},
		{"header is no JSON", []string{weights}, adapt(edit(t, golden, weights, func(b []byte) []byte { b[9] = '!'; return b }), inv, rows)},
		{"unknown dtype", []string{"F9_X"}, adapt(edit(t, golden, weights, replace(`"F32"`, `"F9_X"`)), inv, rows)},
		{"GGUF of nothing", []string{"short.gguf", "damaged"}, adapt(text("short.gguf", "GGUF\x03\x00\x00\x00"), inv, rows)},
		{"GGUF of version 9", []string{"version 9"}, adapt(text("v9.gguf", "GGUF\x09\x00\x00\x00"+strings.Repeat("\x00", 16)), inv, rows)},
		{"GGUF that promises tensors", []string{"many.gguf", "want at most"}, adapt(text("many.gguf", "GGUF\x03\x00\x00\x00"+strings.Repeat("\xff", 16)), inv, rows)},
		{"config is no JSON", []string{config}, adapt(edit(t, golden, config, cut(5)), inv, rows)},
		{"config of another architecture", []string{"mamba"}, adapt(edit(t, golden, config, replace(`"model_type": "llama"`, `"model_type": "mamba"`)), inv, rows)},
		{"config with other sizes", []string{"embed_tokens", "got [96 32], want [96 48]"}, adapt(edit(t, golden, config, replace(`"hidden_size": 32`, `"hidden_size": 48`)), inv, rows)},
		{"config with an absurd size", []string{config}, adapt(edit(t, golden, config, replace(`"hidden_size": 32`, `"hidden_size": 1099511627776`)), inv, rows)},
		{"missing inventory", []string{"--inventory", "no/such"}, adapt(golden, "no/such", rows)},
		{"inventory is a model", []string{"adapter_config.json"}, adapt(golden, golden, rows)},
		{"inventory is a LoRA", []string{"one", "method mu"}, adapt(golden, golden+"/s4/mhr_mu/adapter_init", rows)},
		{"truncated inventory", []string{adapterWeights}, adapt(golden, edit(t, inv, adapterWeights, cut(64)), rows)},
		{"inventory's config is no JSON", []string{adapterConfig}, adapt(golden, edit(t, inv, adapterConfig, cut(3)), rows)},
		{"inventory of another type", []string{"IA3"}, adapt(golden, edit(t, inv, adapterConfig, replace(`"POLY"`, `"IA3"`)), rows)},
		{"inventory with other splits", []string{"poly_lora_A", "got [4 4 16 4], want [3 4"}, adapt(golden, edit(t, inv, adapterConfig, replace(`"n_splits": 4`, `"n_splits": 3`)), rows)},
		{"examples missing", []string{"--examples", "no/such"}, adapt(golden, inv, "no/such")},
		{"examples are a folder", []string{"--examples", "folder"}, adapt(golden, inv, golden)},
		{"examples are empty", []string{"no examples"}, adapt(golden, inv, text("e0.jsonl", ""))},
		{"examples are blank", []string{"no examples"}, adapt(golden, inv, text("e1.jsonl", "\n \n"))},
		{"examples are a model", []string{"line 1"}, adapt(golden, inv, golden+"/"+weights)},
		{"a row is no JSON", []string{"line 2"}, adapt(golden, inv, text("e2.jsonl", `{"input_ids":[1,2],"labels":[-100,2]}`+"\n{\"input_ids\":\n"))},
		{"a row of text without tokenizer", []string{"tokenizer"}, adapt(golden, inv, text("e3.jsonl", `{"input":"a","output":"b"}`))},
		{"ids outside the vocabulary", []string{"96"}, adapt(golden, inv, text("e4.jsonl", `{"input_ids":[1,96],"labels":[-100,96]}`))},
		{"a negative id", []string{"line 1", "-3"}, adapt(golden, inv, text("e5.jsonl", `{"input_ids":[1,-3],"labels":[-100,2]}`))},
		{"labels of another length", []string{"line 1"}, adapt(golden, inv, text("e6.jsonl", `{"input_ids":[1,2,3],"labels":[-100,2]}`))},
		{"a label outside the vocabulary", []string{"line 1"}, adapt(golden, inv, text("e7.jsonl", `{"input_ids":[1,2],"labels":[-100,400]}`))},
		{"no label at all", []string{"line 1"}, adapt(golden, inv, text("e8.jsonl", `{"input_ids":[1,2],"labels":[-100,-100]}`))},
		{"a batch without a label", []string{"batch 2", "no label"}, adapt(golden, inv, text("mute.jsonl", `{"input_ids":[1,2],"labels":[-100,2]}`+"\n"+`{"input_ids":[1],"labels":[-100]}`), "--order", "file", "--batch", "1")},
		{"a row longer than the context", []string{"line 1", "5001"}, adapt(golden, inv, text("e9.jsonl", long))},
		{"task_id outside the inventory", []string{"task_id"}, adapt(golden, inv, text("e10.jsonl", `{"input_ids":[1,2],"labels":[-100,2],"task_id":3}`), "--method", "mhr", "--router-init", "keep")},
		{"an unknown task", []string{"7"}, adapt(golden, inv, rows, "--router-init", "task:7")},
		{"a loss that is no number", []string{"step", "NaN", "learning rate"}, adapt(golden, inv, rows, "--method", "mhr", "--lr", "1e30", "--router-lr", "1e30", "--clip", "0", "--warmup", "0", "--schedule", "constant")},
		{"a method without inventory", []string{"--inventory"}, []string{"adapt", "--device", "cpu", "--out", out, "--method", "z", "--base", golden, "--examples", rows}},
		{"targets that match nothing", []string{"--targets", "match no linear"}, adapt(golden, inv, rows, "--method", "lora", "--targets", "query")},
		{"targets that are no regex", []string{"targets", "regex"}, adapt(golden, inv, rows, "--method", "lora", "--targets", "(")},
		{"an unknown kernel", []string{"kernel", "fast9"}, adapt(golden, inv, rows, "--kernel", "fast9")},
		{"out holds other things", []string{"--out", "no part of a result"}, adapt(golden, inv, rows, "--out", dir)},
		{"out is a file", []string{"--out"}, adapt(golden, inv, rows, "--out", rows)},
		{"out below a file", []string{"--out"}, adapt(golden, inv, rows, "--out", rows+"/x")},
		{"score: adapter missing", []string{"--adapter", "no/such"}, []string{"score", "--base", golden, "--examples", rows, "--adapter", "no/such"}},
		{"score: adapter is a file of weights", []string{"adapter_config.json"}, []string{"score", "--base", golden, "--examples", rows, "--adapter", inv + "/" + adapterWeights}},
		{"score: task without inventory", []string{"--inventory"}, []string{"score", "--base", golden, "--examples", rows, "--task", "1"}},
		{"score: logits nowhere", []string{"--logits"}, []string{"score", "--device", "cpu", "--base", golden, "--examples", rows, "--logits", "no/such/file"}},
		{"generate: no tokenizer", []string{"tokenizer"}, []string{"generate", "--device", "cpu", "--base", golden, "--prompt", "hello"}},
		{"eval: more shots than rows", []string{"--shots"}, []string{"eval", "--device", "cpu", "--base", golden, "--inventory", inv, "--examples", rows, "--shots", "40"}},
		{"eval: no tasks", []string{"--tasks"}, []string{"eval", "--base", golden, "--tasks", inv + "/../s4"}},
		{"inspect: missing", []string{"no/such"}, []string{"inspect", "no/such"}},
		{"inspect: unknown bytes", []string{"unknown file"}, []string{"inspect", text("noise", "\x00\x01\x02\x03\xff\xfe")}},
		{"serve: not built", []string{"make build"}, []string{"serve", "--dir", t.TempDir()}},
	} {
		t.Run(c.name, func(t *testing.T) { bad(t, 1, c.words, c.args...) })
	}
	if string(read(t, filepath.Join(out, "adapter_model.safetensors"))) != string(before) {
		t.Error("a failed run changed the earlier result")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".handful-*")); len(left) > 0 {
		t.Errorf("temporary folders stay behind: %v", left)
	}
}

// An inventory for another base lists site by site what it has and what the
// base wants.
func TestInventoryForAnotherBase(t *testing.T) {
	rows := goldenRows(t, 4)
	skills := "../../assets/inventory/smollm2-135m-mhr"
	bad(t, 1, []string{"model.layers.0.mlp.down_proj: got 1536→576, want 64→32"},
		"adapt", "--device", "cpu", "--base", golden, "--inventory", skills, "--examples", rows, "--method", "mu", "--out", filepath.Join(t.TempDir(), "o"))
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "index.html"), "<!doctype html>")
	bad(t, 1, []string{"in use", "choose another --addr"}, "serve", "--dir", dir, "--addr", l.Addr().String())
}

// Where no graphics driver is, gpu ends with a fault and never falls back; auto
// does, and says so.
func TestNoGPU(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("drivers can be hidden on Linux only")
	}
	none := write(t, filepath.Join(t.TempDir(), "none.json"), "{}")
	for _, name := range []string{"VK_ICD_FILENAMES", "VK_DRIVER_FILES"} {
		t.Setenv(name, none)
	}
	rows := goldenRows(t, 1)
	bad(t, 1, []string{"gpu: ", "--device cpu"}, "score", "--device", "gpu", "--base", golden, "--examples", rows)
	out := filepath.Join(t.TempDir(), "out")
	o := good(t, "adapt", "--base", golden, "--method", "lora", "--steps", "1", "--examples", rows, "--out", out)
	if !strings.Contains(o.stderr, "(cpu)") || !strings.Contains(o.stderr, "gpu: ") {
		t.Errorf("auto does not say why it takes the cpu: %q", o.stderr)
	}
	if _, err := os.Stat(filepath.Join(out, "adapter_config.json")); err != nil {
		t.Error(err)
	}
}
