package hf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/safetensors"
	"handful/core/model"
	"handful/core/tensor"
)

const golden = "../../../testdata/golden/mhr/llama_gqa"

// base is the golden checkpoint's folder, without its test vectors.
func base(t testing.TB) format.Folder {
	t.Helper()
	var out format.Folder
	for _, b := range formattest.Folder(t, golden) {
		if b.Name == "config.json" || b.Name == "model.safetensors" {
			out = append(out, b)
		}
	}
	if len(out) != 2 {
		t.Fatalf("got %s", out.Names())
	}
	return out
}

func blob(name string, b []byte) format.NamedBlob {
	return format.NamedBlob{Name: name, Blob: format.BytesBlob(b)}
}

// edited is the golden config with keys set; nil removes one.
func edited(t testing.TB, keys map[string]any) []byte {
	t.Helper()
	raw, err := os.ReadFile(golden + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	maps.Copy(m, keys)
	for k, v := range keys {
		if v == nil {
			delete(m, k)
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func f32(t testing.TB, c *Checkpoint, name string) []float32 {
	t.Helper()
	s, err := c.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tensor.ReadF32(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGolden(t *testing.T) {
	c, err := Open(base(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Config: model.Config{ModelType: "llama", Layers: 2, Hidden: 32, FFN: 64, Heads: 4, KVHeads: 2, HeadDim: 8, Vocab: 96, Context: 64, RopeTheta: 1e4, Eps: 1e-5, Tied: true},
		DType: "float32", BOS: []int{1}, EOS: []int{2}}
	if !reflect.DeepEqual(c.Config, want) {
		t.Errorf("got %+v, want %+v", c.Config, want)
	}
	if len(c.Names()) != 20 || c.Bytes() != 86656 || c.GGUF != nil {
		t.Errorf("got %d tensors, %d bytes", len(c.Names()), c.Bytes())
	}
	if tok, err := c.Tokenizer(); tok != nil || err != nil {
		t.Errorf("tokenizer: got %v %v, want none", tok, err)
	}
	if _, err := c.Tensor("absent"); !fault.Is(err, fault.Input) {
		t.Errorf("absent: got %v", err)
	}
}

// TestConfigs are variants of the golden config that mean the same or another
// model.
func TestConfigs(t *testing.T) {
	for _, c := range []struct {
		name string
		keys map[string]any
		want func(*Config)
	}{
		{"v4 keys only", map[string]any{"rope_parameters": nil, "dtype": nil, "torch_dtype": "bfloat16"}, func(c *Config) { c.DType = "bfloat16" }},
		{"v5 keys only", map[string]any{"rope_theta": nil, "torch_dtype": nil}, nil},
		{"v5 wins", map[string]any{"rope_theta": 7.0}, nil},
		{"but for rope_scaling", map[string]any{"rope_theta": 7.0, "rope_scaling": map[string]any{"type": "default"}}, func(c *Config) { c.RopeTheta = 7 }},
		{"defaults", map[string]any{"head_dim": nil, "rope_parameters": nil, "rope_theta": nil, "rms_norm_eps": nil, "max_position_embeddings": nil, "hidden_act": nil},
			func(c *Config) { c.Eps, c.Context = 1e-6, 2048 }},
		{"lists of ids", map[string]any{"eos_token_id": []int{2, 5}, "bos_token_id": nil}, func(c *Config) { c.EOS, c.BOS = []int{2, 5}, nil }},
		{"null", map[string]any{"rope_scaling": json.RawMessage("null"), "quantization_config": json.RawMessage("null"), "eos_token_id": json.RawMessage("null")}, func(c *Config) { c.EOS = nil }},
	} {
		f := base(t)
		want, err := Open(f)
		if err != nil {
			t.Fatal(err)
		}
		if c.want != nil {
			c.want(&want.Config)
		}
		f[0] = blob("config.json", edited(t, c.keys))
		got, err := Open(f)
		if err != nil || !reflect.DeepEqual(got.Config, want.Config) {
			t.Errorf("%s: got %+v %v, want %+v", c.name, got, err, want.Config)
		}
	}
}

func TestConfigRefusals(t *testing.T) {
	list := func(v any) map[string]any { return map[string]any{"x": v} }
	for _, c := range []struct {
		key  string
		v    any
		kind fault.Kind
		says string
	}{
		{"model_type", "gemma", fault.Unsupported, `"gemma"`},
		{"model_type", "umt5", fault.Unsupported, `"umt5", want llama, qwen2, qwen3, t5 or mt5`},
		{"model_type", 3, fault.Input, "no model_type"},
		{"attention_bias", true, fault.Unsupported, "attention_bias"},
		{"mlp_bias", true, fault.Unsupported, "mlp_bias"},
		{"hidden_act", "gelu", fault.Unsupported, `hidden_act "gelu"`},
		{"quantization_config", map[string]any{"quant_method": "gptq"}, fault.Unsupported, "gptq"},
		{"rope_scaling", map[string]any{"rope_type": "llama3", "factor": 8}, fault.Input, "rope_scaling has no low_freq_factor"},
		{"rope_scaling", map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}, fault.Input, "want the second larger"},
		{"rope_scaling", map[string]any{"type": "linear"}, fault.Input, "rope_scaling has no factor"},
		{"rope_scaling", map[string]any{"type": "linear", "factor": 0}, fault.Input, "factor is 0"},
		{"rope_scaling", map[string]any{"type": "dynamic", "factor": 2}, fault.Unsupported, `rope_scaling of type "dynamic"`},
		{"rope_parameters", map[string]any{"rope_type": "yarn"}, fault.Unsupported, `rope_parameters of type "yarn"`},
		{"rope_parameters", map[string]any{"partial_rotary_factor": 0.5}, fault.Unsupported, "partial_rotary_factor 0.5"},
		{"rope_parameters", []int{1}, fault.Input, "rope_parameters: got array, want an object"},
		{"rope_parameters", map[string]any{"rope_theta": "1"}, fault.Input, "rope_parameters.rope_theta: got string, want a number"},
		{"rope_parameters", map[string]any{"rope_theta": 1e-300}, fault.Input, "rope_theta 1e-300"},
		{"partial_rotary_factor", 0.25, fault.Unsupported, "partial_rotary_factor 0.25"},
		{"hidden_size", "32", fault.Input, "hidden_size: got string, want a whole number"},
		{"tie_word_embeddings", 1, fault.Input, "tie_word_embeddings: got number, want true or false"},
		{"rope_parameters", map[string]any{"rope_theta": -1}, fault.Input, "rope_theta -1"},
		{"num_hidden_layers", 1 << 40, fault.Input, "num_hidden_layers is 1099511627776"},
		{"num_hidden_layers", 0, fault.Input, "num_hidden_layers is 0"},
		{"num_hidden_layers", -1, fault.Input, "num_hidden_layers is -1"},
		{"num_hidden_layers", 2.5, fault.Input, "num_hidden_layers"},
		{"num_hidden_layers", "2", fault.Input, "num_hidden_layers"},
		{"num_hidden_layers", json.RawMessage("99999999999999999999"), fault.Input, "num_hidden_layers"},
		{"hidden_size", 1 << 30, fault.Input, "hidden_size is"},
		{"intermediate_size", 1 << 30, fault.Input, "intermediate_size is"},
		{"vocab_size", 1 << 30, fault.Input, "vocab_size is"},
		{"vocab_size", nil, fault.Input, "vocab_size is 0 or missing"},
		{"max_position_embeddings", 1 << 40, fault.Input, "max_position_embeddings is"},
		{"num_key_value_heads", 3, fault.Input, "want a multiple"},
		{"num_key_value_heads", 8, fault.Input, "num_key_value_heads is 8"},
		{"num_attention_heads", 0, fault.Input, "num_attention_heads is 0"},
		{"head_dim", 7, fault.Input, "head_dim 7"},
		{"head_dim", 1 << 17, fault.Input, "num_attention_heads times head_dim"},
		{"rms_norm_eps", 1e300, fault.Input, "rms_norm_eps"},
		{"eos_token_id", "2", fault.Input, "eos_token_id"},
		{"eos_token_id", -2, fault.Input, "eos_token_id: -2"},
		{"bos_token_id", list(1), fault.Input, "bos_token_id"},
	} {
		f := base(t)
		f[0] = blob("config.json", edited(t, map[string]any{c.key: c.v}))
		if _, err := Open(f); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s = %v: got %v, want %v saying %q", c.key, c.v, err, c.kind, c.says)
		}
	}
}

// TestShapes holds tensors against the config: the fault is a table.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		keys map[string]any
		says []string
	}{
		{map[string]any{"vocab_size": 100}, []string{"model.embed_tokens.weight: got [96 32], want [100 32]"}},
		{map[string]any{"num_hidden_layers": 3}, []string{"model.layers.2.input_layernorm.weight: got nothing, want [32]", "and 5 more"}},
		{map[string]any{"tie_word_embeddings": false}, []string{"lm_head.weight: got nothing, want [96 32]"}},
		{map[string]any{"num_hidden_layers": 1}, []string{"model.layers.1.input_layernorm.weight: got it, want no such tensor", "and 5 more"}},
		{map[string]any{"num_key_value_heads": 4}, []string{"k_proj.weight: got [16 32], want [32 32]", "v_proj"}},
	} {
		f := base(t)
		f[0] = blob("config.json", edited(t, c.keys))
		_, err := Open(f)
		for _, says := range c.says {
			if !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says) {
				t.Errorf("%v: got %v, want %q", c.keys, err, says)
			}
		}
	}
}

// TestOtherTensors: what would be left out makes another model, but for the
// rotary tables of old checkpoints.
func TestOtherTensors(t *testing.T) {
	f := base(t)
	c, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"model.layers.0.self_attn.rotary_emb.inv_freq": "",
		"extra":                                  "",
		"model.layers.0.self_attn.q_proj.bias":   "model.layers.0.self_attn.q_proj.bias: got it",
		"model.layers.1.self_attn.q_norm.weight": "q_norm.weight: got it, want no such tensor",
		"model.norm.weight":                      "model.norm.weight: got I32, want floats",
	} {
		ts := map[string]tensor.Source{}
		for _, n := range c.Names() {
			if ts[n], err = c.Tensor(n); err != nil {
				t.Fatal(err)
			}
		}
		ts[name] = tensor.F32Source(make([]float32, 32), 32)
		if name == "model.norm.weight" {
			ts[name] = tensor.MemSource(tensor.I32, []int{32}, make([]byte, 128), "")
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, ts, nil); err != nil {
			t.Fatal(err)
		}
		_, err := Open(format.Folder{f[0], blob("model.safetensors", b.Bytes())})
		if says == "" && err != nil || says != "" && (!fault.Is(err, fault.Input) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want %q", name, err, says)
		}
	}
}

// split cuts the golden weights into two files and an index.
func split(t testing.TB) format.Folder {
	t.Helper()
	f := base(t)
	c, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	parts := []map[string]tensor.Source{{}, {}}
	index := map[string]string{}
	for i, n := range c.Names() {
		s, err := c.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		parts[i%2][n], index[n] = s, fmt.Sprintf("model-%05d-of-00002.safetensors", i%2+1)
	}
	out := format.Folder{f[0]}
	for i, p := range parts {
		var b bytes.Buffer
		if err := safetensors.Write(&b, p, nil); err != nil {
			t.Fatal(err)
		}
		out = append(out, blob(fmt.Sprintf("model-%05d-of-00002.safetensors", i+1), b.Bytes()))
	}
	j, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": index})
	if err != nil {
		t.Fatal(err)
	}
	return append(out, blob(indexName, j))
}

func TestFault26Shards(t *testing.T) {
	want, err := Open(base(t))
	if err != nil {
		t.Fatal(err)
	}
	f := split(t)
	stray, err := safetensors.Encode([]safetensors.Tensor{{Name: "model.norm.weight", Shape: []int{1}, Data: []float32{9}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(append(f, blob("other.safetensors", stray), blob("pytorch_model.bin", []byte("\x80\x02"))))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Names(), want.Names()) || got.Bytes() != want.Bytes() {
		t.Errorf("got %v, %d bytes", got.Names(), got.Bytes())
	}
	for _, n := range want.Names() {
		if !reflect.DeepEqual(f32(t, got, n), f32(t, want, n)) {
			t.Errorf("%s: other values", n)
		}
	}
	index := f[3]
	for _, c := range []struct {
		name string
		f    format.Folder
		says string
	}{
		{"a missing shard", format.Folder{f[0], f[1], index}, `"model-00002-of-00002.safetensors"`},
		{"no shards", format.Folder{f[0], index}, "(2 of 2 files)"},
		{"no index", format.Folder{f[0], f[1], f[2]}, indexName},
		{"no weights", format.Folder{f[0]}, "want model.safetensors"},
		{"a shard of other tensors", format.Folder{f[0], f[1], blob(f[2].Name, stray), index}, "in model-00002-of-00002.safetensors"},
		{"a broken shard", format.Folder{f[0], f[1], blob(f[2].Name, []byte("<html>")), index}, "model-00002-of-00002.safetensors: got an HTML page"},
		{"an empty map", format.Folder{f[0], f[1], f[2], blob(indexName, []byte(`{"weight_map": {}}`))}, "no weight_map"},
		{"a map of numbers", format.Folder{f[0], f[1], f[2], blob(indexName, []byte(`{"weight_map": {"a": 1}}`))}, "weight_map"},
		{"a path", format.Folder{f[0], f[1], f[2], blob(indexName, []byte(`{"weight_map": {"a": "../x.safetensors"}}`))}, `"../x.safetensors"`},
	} {
		if _, err := Open(c.f); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want Input saying %q", c.name, err, c.says)
		}
	}
}

// TestFolders are what people drop.
func TestFolders(t *testing.T) {
	f := base(t)
	nested := format.Folder{blob("x/readme.md", []byte("#")), {Name: "x/config (1).json", Blob: f[0].Blob}, {Name: "x/weights.safetensors", Blob: f[1].Blob}}
	if c, err := Open(nested); err != nil || len(c.Names()) != 20 {
		t.Errorf("renamed files in a folder: got %v", err)
	}
	for _, c := range []struct {
		name string
		f    format.Folder
		kind fault.Kind
		says string
	}{
		{"nothing", nil, fault.Input, "got no files"},
		{"a pickle", format.Folder{blob("pytorch_model.bin", []byte("\x80\x02"))}, fault.Input, "a pickle"},
		{"a config with a pickle", format.Folder{f[0], blob("pytorch_model.bin", []byte("\x80\x02"))}, fault.Input, "pytorch_model.bin"},
		{"a page", format.Folder{blob("model.gguf", []byte("<!doctype html>"))}, fault.Input, "an HTML page"},
		{"only weights", format.Folder{f[1]}, fault.Input, "config.json"},
		{"two models", format.Folder{blob("a.gguf", []byte("GGUF")), blob("b.gguf", []byte("GGUF"))}, fault.Input, "one GGUF"},
		{"a broken config", format.Folder{blob("config.json", []byte("{")), f[1]}, fault.Input, "malformed"},
		{"a pointer for weights", format.Folder{f[0], blob("model.safetensors", []byte("version https://git-lfs.github.com/spec/v1"))}, fault.Input, "git lfs pull"},
	} {
		if _, err := Open(c.f); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

// TestOwnHeadWins: transformers 5 also writes tie_word_embeddings for models
// with a head of their own.
func TestOwnHeadWins(t *testing.T) {
	f := base(t)
	c, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	ts := map[string]tensor.Source{}
	for _, n := range c.Names() {
		if ts[n], err = c.Tensor(n); err != nil {
			t.Fatal(err)
		}
	}
	ts["lm_head.weight"] = tensor.F32Source(make([]float32, 96*32), 96, 32)
	var b bytes.Buffer
	if err := safetensors.Write(&b, ts, nil); err != nil {
		t.Fatal(err)
	}
	c, err = Open(format.Folder{f[0], blob("model.safetensors", b.Bytes())})
	if err != nil || c.Config.Tied {
		t.Errorf("got tied %v, %v", c, err)
	}
}
