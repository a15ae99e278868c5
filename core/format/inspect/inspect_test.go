package inspect

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
)

const golden = "../../../testdata/golden/mhr/llama_gqa"

func blob(name string, b []byte) format.NamedBlob {
	return format.NamedBlob{Name: name, Blob: format.BytesBlob(b)}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDescribe(t *testing.T) {
	model := read(t, golden+"/model.safetensors")
	config := read(t, golden+"/config.json")
	tiny := read(t, "../hf/testdata/tiny.gguf")
	bart := []byte(`{"model_type": "bart", "d_model": 32, "num_layers": 2}`)
	t5 := "../../../testdata/golden/mhr/t5_gated_untied"
	other := strings.Replace(string(read(t, golden+"/s4/adapter_init/adapter_config.json")), "POLY", "VERA", 1)
	poly := formattest.Folder(t, golden+"/s4/adapter_init")
	weights := read(t, golden+"/s4/adapter_init/adapter_model.safetensors")
	phi := formattest.GGUF{KV: []formattest.KV{{Key: "general.architecture", Value: "phi3"}},
		Tensors: []formattest.GGUFTensor{{Name: "w\x1b[31m", Dims: []uint64{256, 2}, Kind: 12, Data: make([]byte, 288), Offset: -1}}}.Bytes()
	for _, c := range []struct {
		name         string
		f            format.Folder
		kind, format string
		params       int64
		tensors      int
		bytes        map[string]int64
		says         []string // in the text
	}{
		{"an HF folder", format.Folder{blob("config.json", config), blob("model.safetensors", model)}, "model", "hf", 21664, 20, map[string]int64{"F32": 86656},
			[]string{"model (hf), 21664 parameters in 20 tensors", "4/2 of 8", "model.layers.1.mlp.up_proj.weight"}},
		{"a T5", format.Folder{blob("config.json", read(t, t5+"/config.json")), blob("model.safetensors", read(t, t5+"/model.safetensors"))}, "model", "hf", 55744, 52, map[string]int64{"F32": 4 * 55744},
			[]string{"layers                 2 and 2 of the encoder", "decoder.block.1.layer.2.DenseReluDense.wi_1.weight", "lm_head.weight"}},
		{"a GGUF", format.Folder{blob("tiny.gguf", tiny)}, "model", "gguf", 21664, 20, map[string]int64{"F32": 640, "F16": 36864, "Q8_0": 3264}, []string{"model.embed_tokens.weight", "Q8_0  [96 32]"}},
		{"an inventory", poly, "inventory", "peft-poly", 17056, 42, map[string]int64{"F32": 68224}, []string{"inventory (peft-poly)", "splits                 4", "poly_router.module_logits"}},
		{"one with its past", formattest.Folder(t, "../../../assets/pocket/inventory"), "inventory", "peft-poly", 304896, 84, map[string]int64{"F16": 609792}, []string{"few-shot z             router_lr 0.5", "sketches of 233 training tasks"}},
		{"a LoRA", formattest.Folder(t, golden+"/s4/mhr_mu/adapter_init"), "adapter", "peft-lora", 4096, 28, map[string]int64{"F32": 16384}, []string{"adapter (peft-lora)", "rank                   4"}},
		{"tensors", format.Folder{blob("batches.safetensors", read(t, golden+"/batches.safetensors"))}, "tensors", "safetensors", 1720, 4, map[string]int64{"I64": 13760}, []string{"task_ids"}},
		{"another family", format.Folder{blob("config.json", bart), blob("model.safetensors", model), blob("vectors.safetensors", weights)}, "model", "hf", 21664, 20, map[string]int64{"F32": 86656}, []string{"cannot be used: config.json: model_type \"bart\"", "d_model                32"}},
		{"a GGUF that cannot be used", format.Folder{blob("q.gguf", phi)}, "model", "gguf", 512, 1, map[string]int64{"Q4_K": 288}, []string{"cannot be used", `"w\x1b[31m"`}},
		{"another PEFT method", format.Folder{blob("adapter_config.json", []byte(other)), blob("adapter_model.safetensors", weights)}, "adapter", "peft", 17056, 42, map[string]int64{"F32": 68224}, []string{"cannot be used", "VERA"}},
	} {
		s, err := Describe(c.f)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Kind != c.kind || s.Format != c.format || s.Params != c.params || len(s.Tensors) != c.tensors || !reflect.DeepEqual(s.Bytes, c.bytes) {
			t.Errorf("%s: got %s (%s), %d parameters in %d tensors, %v", c.name, s.Kind, s.Format, s.Params, len(s.Tensors), s.Bytes)
		}
		text := s.Text()
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: no %q in\n%s", c.name, says, text[:min(len(text), 900)])
			}
		}
		if strings.Contains(text, "\x1b") {
			t.Errorf("%s: a terminal's escape in the text", c.name)
		}
		var back Summary
		if j, err := json.Marshal(s); err != nil || json.Unmarshal(j, &back) != nil || !reflect.DeepEqual(&back, s) {
			t.Errorf("%s: JSON came back another (%v)", c.name, err)
		}
	}
}

func TestExamples(t *testing.T) {
	s, err := Describe(format.Folder{blob("rows.jsonl", []byte("\xef\xbb\xbf{\"input\": \"a\", \"output\": \"b\"}\r\n\n{\"input\": \"c\", \"output\": \"d\", \"options\": []}\n"))})
	if err != nil || s.Kind != "examples" || s.Format != "jsonl" || s.Rows != 2 || s.Config["fields"] != "input, options (1), output" {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := Describe(format.Folder{blob("rows.csv", []byte("text,label\nx,y\n"))}); err != nil || s.Kind != "examples" || s.Rows != 2 {
		t.Errorf("text: got %+v, %v", s, err)
	}
	if _, err := Describe(format.Folder{blob("rows.jsonl", []byte("{\"a\": 1}\n{\"a\": }\n"))}); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken row: got %v", err)
	}
	if _, err := Describe(format.Folder{blob("rows.jsonl", []byte("{\"a\": \""+strings.Repeat("x", maxLine)+"\"}"))}); !fault.Is(err, fault.Input) {
		t.Errorf("a long line: got %v", err)
	}
}

// TestBroken: what is damaged is a fault, never a summary.
func TestBroken(t *testing.T) {
	config := read(t, golden+"/config.json")
	model := read(t, golden+"/model.safetensors")
	for _, c := range []struct {
		name string
		f    format.Folder
		kind fault.Kind
	}{
		{"nothing", nil, fault.Input},
		{"cut weights", format.Folder{blob("config.json", config), blob("model.safetensors", model[:5000])}, fault.Input},
		{"no weights", format.Folder{blob("config.json", config)}, fault.Input},
		{"a broken config", format.Folder{blob("config.json", []byte("{")), blob("model.safetensors", model)}, fault.Input},
		{"a cut GGUF", format.Folder{blob("m.gguf", read(t, "../hf/testdata/tiny.gguf")[:3000])}, fault.Input},
		{"cut adapter weights", format.Folder{blob("adapter_config.json", read(t, golden+"/s4/adapter_init/adapter_config.json")), blob("adapter_model.safetensors", model[:5000])}, fault.Input},
		{"cut weights of another method", format.Folder{blob("adapter_config.json", []byte(`{"peft_type": "VERA"}`)), blob("adapter_model.safetensors", model[:5000])}, fault.Input},
		{"a cut pickle", format.Folder{blob("model.pt", []byte("\x80\x02"))}, fault.Input},
		{"noise", format.Folder{blob("x", []byte("\x00\x01\x02"))}, fault.Input},
		{"strangers", format.Folder{blob("a.txt", []byte("a")), blob("b.txt", []byte("b"))}, fault.Input},
	} {
		if s, err := Describe(c.f); !fault.Is(err, c.kind) || s != nil {
			t.Errorf("%s: got %v %v, want %v", c.name, s, err, c.kind)
		}
	}
}
