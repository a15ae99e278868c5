package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// soon fails a test that a small file has kept busy; the limit leaves room for
// a busy machine.
func soon(t *testing.T, start time.Time) {
	t.Helper()
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// retype gives the tensors of a safetensors file another type of the same size.
func retype(name, dtype string) func([]byte) []byte {
	return func(b []byte) []byte {
		n := int(binary.LittleEndian.Uint64(b))
		var h map[string]any
		if err := json.Unmarshal(b[8:8+n], &h); err != nil {
			panic(err)
		}
		h[name].(map[string]any)["dtype"] = dtype
		head, err := json.Marshal(h)
		if err != nil {
			panic(err)
		}
		out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
		return append(append(out, head...), b[8+n:]...)
	}
}

// fill sets every value from the one at an offset from the end on.
func filled(last int, v float32) func([]byte) []byte {
	return func(b []byte) []byte {
		for i := len(b) - 4*last; i < len(b); i += 4 {
			binary.LittleEndian.PutUint32(b[i:], math.Float32bits(v))
		}
		return b
	}
}

// Weights that are no weights: refused by the tensor's name, and before
// anything is computed from them.
func TestBadWeights(t *testing.T) {
	rows := goldenRows(t, 2)
	const weights, adapter, config = "model.safetensors", "adapter_model.safetensors", "config.json"
	inv, lora := golden+"/s4/adapter_init", golden+"/s4/mhr_mu/adapter_init"
	nan := float32(math.NaN())
	score := func(base string, more ...string) []string {
		return append([]string{"score", "--device", "cpu", "--base", base, "--examples", rows}, more...)
	}
	for _, c := range []struct {
		name  string
		words []string
		args  []string
	}{
		{"NaN in the base", []string{"base: model.", "3 of ", "NaN or infinite"}, score(edit(t, golden, weights, filled(3, nan)))},
		{"infinity in the base", []string{"base: model.", "1 of "}, score(edit(t, golden, weights, filled(1, float32(math.Inf(-1)))))},
		{"NaN in an inventory", []string{"adapter: ", "poly_", "2 of "}, score(golden, "--inventory", edit(t, inv, adapter, filled(2, nan)), "--task", "mean")},
		{"NaN in an adapter", []string{"adapter: ", "lora_", "1 of "}, score(golden, "--adapter", edit(t, lora, adapter, filled(1, nan)))},
		{"values too large to compute with", []string{"loss", "want a number"}, score(edit(t, golden, weights, filled(5000, math.MaxFloat32)))},
		{"integers for a matrix", []string{"up_proj.weight: got I32, want floats"}, score(edit(t, golden, weights, retype("model.layers.0.mlp.up_proj.weight", "I32")))},
		{"integers for a norm", []string{"model.norm.weight: got I32"}, score(edit(t, golden, weights, retype("model.norm.weight", "I32")))},
		{"unsigned integers", []string{"U32", "want F32"}, score(edit(t, golden, weights, retype("model.embed_tokens.weight", "U32")))},
		{"halves of the wrong size", []string{"model.norm.weight", "128 bytes"}, score(edit(t, golden, weights, retype("model.norm.weight", "F16")))},
		{"fewer layers than weights", []string{"layers.1", "no such tensor"}, score(edit(t, golden, config, replace(`"num_hidden_layers": 2`, `"num_hidden_layers": 1`)))},
		{"rotary scaling", []string{`rope_scaling of type "llama3"`}, score(edit(t, golden, config, replace(`{`, `{"rope_scaling": {"rope_type": "llama3", "factor": 8},`)))},
		{"biases", []string{"attention_bias"}, score(edit(t, golden, config, replace(`"attention_bias": false`, `"attention_bias": true`)))},
		{"another activation", []string{`hidden_act "gelu"`}, score(edit(t, golden, config, replace(`"silu"`, `"gelu"`)))},
		{"an odd head", []string{"head_dim 7"}, score(edit(t, golden, config, replace(`"head_dim": 8`, `"head_dim": 7`)))},
		{"heads that do not divide", []string{"4 attention heads over 3"}, score(edit(t, golden, config, replace(`"num_key_value_heads": 2`, `"num_key_value_heads": 3`)))},
		{"text for a number", []string{"hidden_size: got string, want a whole number"}, score(edit(t, golden, config, replace(`"hidden_size": 32`, `"hidden_size": "32"`)))},
		{"a negative size", []string{"vocab_size is -96"}, score(edit(t, golden, config, replace(`"vocab_size": 96`, `"vocab_size": -96`)))},
		{"a config a hundred thousand deep", []string{config}, score(edit(t, golden, config, func([]byte) []byte { return bytes.Repeat([]byte(`{"a":`), 100_000) }))},
		{"a pattern without end", []string{"takes more than"}, score(golden, "--inventory", edit(t, inv, "adapter_config.json", func(b []byte) []byte { return aim(b, `(?!x)(([a-z._0-9]+)+)+!`) }), "--task", "mean")},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer soon(t, time.Now())
			bad(t, 1, c.words, c.args...)
		})
	}
	good(t, score(golden, "--inventory", edit(t, inv, "adapter_config.json", func(b []byte) []byte { return aim(b, `(?!.*lm_head).*proj`) }), "--task", "mean")...)
}

// aim sets target_modules.
func aim(config []byte, targets any) []byte {
	var c map[string]any
	if err := json.Unmarshal(config, &c); err != nil {
		panic(err)
	}
	c["target_modules"] = targets
	out, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return out
}

// Cut anywhere, a model is refused, by inspect too.
func TestCutAnywhere(t *testing.T) {
	rows := goldenRows(t, 1)
	whole := read(t, golden+"/model.safetensors")
	folder := copyDir(t, golden)
	gguf := read(t, "../../core/format/hf/testdata/tiny.gguf")
	file := filepath.Join(t.TempDir(), "m.gguf")
	for i := range 12 {
		start := time.Now()
		write(t, filepath.Join(folder, "model.safetensors"), string(whole[:len(whole)*i/12]))
		bad(t, 1, []string{"safetensors"}, "score", "--device", "cpu", "--base", folder, "--examples", rows)
		bad(t, 1, nil, "inspect", filepath.Join(folder, "model.safetensors"))
		write(t, file, string(gguf[:len(gguf)*i*i/144])) // its head is short
		bad(t, 1, nil, "score", "--device", "cpu", "--base", file, "--examples", rows)
		bad(t, 1, nil, "inspect", file)
		soon(t, start)
	}
}

// Files of examples that people have, one way or another.
func TestBadExamples(t *testing.T) {
	dir := t.TempDir()
	utf16le := func(s string) string {
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			out = binary.LittleEndian.AppendUint16(out, u)
		}
		return string(out)
	}
	ids := func(ids, labels string) string { return `{"input_ids":` + ids + `,"labels":` + labels + `}` }
	for _, c := range []struct{ name, text, says string }{
		{"UTF-16", utf16le("text,label\na,b\n"), "UTF-16"},
		{"Latin-1", "text,label\ncaf\xe9,b\n", "line 2, column 4"},
		{"noise", "\x01\x02\xff\xfe\x00\x93" + strings.Repeat("\xfe\x00\n", 3000), "no text in UTF-8"},
		{"a ZIP archive", "PK\x03\x04" + strings.Repeat("\x00", 99), "ZIP"},
		{"a line of a megabyte", strings.Repeat("x", 1<<20), "line 1"},
		{"a row of a megabyte", `{"input":"` + strings.Repeat("x", 1<<20) + `","output":"y"}`, "tokenizer"},
		{"lists in lists", strings.Repeat("[", 1<<20), "line 1"},
		{"objects in objects", strings.Repeat(`{"input":`, 1<<17), "line 1"},
		{"a quote that never ends", "text,label\n\"a,b\nc,d\n", "quotes don't pair"},
		{"a quote in a cell", "text,label\na\"b,c\n", "line 2, column 2"},
		{"a cell too few", "text,label\na\n", "1 cells, want 2"},
		{"a table without rows", "text,label\n", "no rows"},
		{"a column twice", "text,text,label\na,b,c\n", "two columns"},
		{"an array that never ends", `[{"input":"a","output":"b"}`, "never closed"},
		{"an empty array", "[]", "no rows"},
		{"a key twice", `{"input":"a","input":"b","output":"c"}`, "twice"},
		{"half a character", `{"input":"\ud800","output":"c"}`, `\ud800`},
		{"an empty output", `{"input":"a","output":" "}`, "output is empty"},
		{"a terminal's escape", "{\"input\":\"a\x1b[31m\",\"output\":\"b\"}", "line 1"},
		{"an id of 2^31", ids("[1,2147483648]", "[-100,2]"), "2147483648"},
		{"an id of 2^31-1", ids("[1,2147483647]", "[-100,2]"), "2147483647"},
		{"an id of -2^31", ids("[1,-2147483648]", "[-100,2]"), "-2147483648"},
		{"an id beyond any integer", ids("[1,1e400]", "[-100,2]"), "1e400"},
		{"a fraction as id", ids("[1,2.5]", "[-100,2]"), "2.5"},
		{"text as id", ids(`[1,"2"]`, "[-100,2]"), "want integers"},
		{"null as id", ids("[1,null]", "[-100,2]"), "null"},
		{"no ids", ids("[]", "[]"), "no input_ids"},
		{"ids without labels", `{"input_ids":[1,2]}`, "want both"},
		{"a label of -1", ids("[1,2]", "[-100,-1]"), "label -1"},
		{"a label on the first token only", ids("[1,2]", "[2,-100]"), "no label"},
		{"more labels than ids", ids("[1,2]", "[-100,2,2]"), "2 input_ids and 3 labels"},
		{"padding", `{"input_ids":[1,2],"labels":[-100,2],"attention_mask":[1,0]}`, "padding"},
		{"a negative task", `{"input_ids":[1,2],"labels":[-100,2],"task_id":-1}`, "task_id"},
		{"65 tokens in a context of 64", ids("[1"+strings.Repeat(",1", 64)+"]", "[-100"+strings.Repeat(",1", 64)+"]"), "65 tokens, the context holds 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, filepath.Join(dir, "rows"), c.text)
			out := filepath.Join(dir, "out")
			for _, args := range [][]string{
				{"score", "--device", "cpu", "--base", golden, "--examples", file},
				{"eval", "--device", "cpu", "--base", golden, "--examples", file},
				{"adapt", "--device", "cpu", "--base", golden, "--method", "lora", "--steps", "1", "--examples", file, "--out", out},
			} {
				start := time.Now()
				bad(t, 1, []string{c.says}, args...)
				soon(t, start)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("%d entries beside the rows", len(left)-1)
			}
		})
	}
}

// What is no file ends too.
func TestDevices(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux has these devices")
	}
	rows := goldenRows(t, 2)
	out := filepath.Join(t.TempDir(), "out")
	adapt := []string{"adapt", "--device", "cpu", "--base", golden, "--method", "lora", "--steps", "1", "--examples", rows, "--out"}
	for _, c := range []struct {
		word string
		args []string
	}{
		{"more than 256 MB", []string{"score", "--device", "cpu", "--base", golden, "--examples", "/dev/zero"}},
		{"no examples", []string{"score", "--device", "cpu", "--base", golden, "--examples", "/dev/null"}},
		{"neither a file nor a folder", []string{"score", "--base", "/dev/zero", "--examples", rows}},
		{"neither a file nor a folder", []string{"inspect", "/dev/null"}},
		{"no space left", []string{"score", "--device", "cpu", "--base", golden, "--examples", rows, "--logits", "/dev/full"}},
		{"--held", append(append([]string{}, adapt...), out, "--held", "/dev/null")},
		{"--out", append(append([]string{}, adapt...), "/dev/null")},
		{"--out", append(append([]string{}, adapt...), "/proc/x")},
		{"--out", append(append([]string{}, adapt...), filepath.Join(t.TempDir(), strings.Repeat("a", 300)))},
	} {
		bad(t, 1, []string{c.word}, c.args...)
	}
}
