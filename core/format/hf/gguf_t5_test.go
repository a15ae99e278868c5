package hf

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/format/gguf"
	"handful/core/tensor"
	"handful/core/text"
)

func t5File(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The golden T5s through llama.cpp's names (testdata/make_t5.py) are the golden
// T5s; the quantised one keeps its types.
func TestT5GGUFEqualsFolder(t *testing.T) {
	for name, dir := range map[string]string{"t5_relu": "relu_tied", "t5_gated": "gated_untied"} {
		want, err := Open(formattest.Folder(t, t5Golden+dir))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadGGUF(blob(name, t5File(t, name+".gguf")))
		if err != nil {
			t.Fatal(err)
		}
		w := want.Config
		w.MaxDistance, w.DType, w.Eps = 128, "", float64(float32(w.Eps))
		if !reflect.DeepEqual(got.Config, w) || !reflect.DeepEqual(got.Names(), want.Names()) {
			t.Errorf("%s: got %+v, want %+v", name, got.Config, w)
		}
		types := map[tensor.DType]int{}
		for _, n := range want.Names() {
			s, err := got.Tensor(n)
			if err != nil {
				t.Fatal(err)
			}
			types[s.DType()]++
			if name == "t5_relu" && !slices.Equal(f32(t, got, n), f32(t, want, n)) {
				t.Errorf("%s is another tensor", n)
			}
		}
		if name == "t5_gated" && (types[tensor.Q5_1] != 6 || types[tensor.Q4_0] != 12 || types[tensor.F16] != 1) {
			t.Errorf("types %v", types)
		}
	}
}

// The tokenizer of the file is HF's.
func TestT5GGUFTokenizer(t *testing.T) {
	want, err := text.FromJSON(t5File(t, "t5.tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, extra := range map[string]int{"t5_relu": 0, "t5_gated": 5} {
		c, err := ReadGGUF(blob(name, t5File(t, name+".gguf")))
		if err != nil {
			t.Fatal(err)
		}
		tok, err := c.Tokenizer()
		if err != nil {
			t.Fatal(err)
		}
		if n := want.Vocab() - 5 + extra; tok.Vocab() != n {
			t.Errorf("%s: %d tokens, want %d", name, tok.Vocab(), n)
		}
		if id, ok := tok.EOS(); !ok || id != 1 {
			t.Errorf("%s: EOS %d", name, id)
		}
		for _, s := range []string{"ham and eggs", " the \t final　egg ", "½ ﬁx", "a </s> b", "über", "", "milk<extra_id_0> tea"} {
			if extra == 0 && strings.Contains(s, "extra_id") {
				continue
			}
			if got, w := tok.Encode(s), want.Encode(s); !slices.Equal(got, w) || tok.Decode(got) != want.Decode(w) {
				t.Errorf("%s: %q is %v, want %v", name, s, got, w)
			}
		}
		files, err := c.Files(nil, "float32")
		if err != nil || len(files) != 3 {
			t.Fatalf("%s: %d files, %v", name, len(files), err)
		}
		var config map[string]any
		if err := json.Unmarshal(files[0].Bytes, &config); err != nil || config["model_type"] != "t5" || config["relative_attention_max_distance"] != 128.0 || config["scale_decoder_outputs"] != (extra == 0) {
			t.Errorf("%s: %s", name, files[0].Bytes)
		}
		back, err := readConfig(map[string]json.RawMessage(fieldsOf(t, files[0].Bytes)))
		if back.DType = ""; err != nil || !reflect.DeepEqual(back, c.Config) {
			t.Errorf("%s: config.json says %+v, want %+v (%v)", name, back, c.Config, err)
		}
		if tok, err := text.FromJSON(files[1].Bytes); err != nil || !slices.Equal(tok.Encode("½ the egg"), want.Encode("½ the egg")) {
			t.Errorf("%s: tokenizer.json: %v", name, err)
		}
	}
}

func fieldsOf(t *testing.T, b []byte) (o map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// smallT5 is a T5 of one block a stack as a GGUF file.
func smallT5() formattest.GGUF {
	g := formattest.GGUF{KV: []formattest.KV{{Key: "general.architecture", Value: "t5"}, {Key: "t5.block_count", Value: uint32(1)}, {Key: "t5.embedding_length", Value: uint32(4)},
		{Key: "t5.feed_forward_length", Value: uint32(8)}, {Key: "t5.attention.head_count", Value: uint32(2)}, {Key: "t5.attention.relative_buckets_count", Value: uint32(4)}}}
	add := func(name string, dims ...uint64) {
		n := uint64(4)
		for _, d := range dims {
			n *= d
		}
		g.Tensors = append(g.Tensors, formattest.GGUFTensor{Name: name + ".weight", Dims: dims, Data: make([]byte, n), Offset: -1})
	}
	add("token_embd", 4, 10)
	for _, at := range []string{"enc.blk.0.attn_", "dec.blk.0.attn_", "dec.blk.0.cross_attn_"} {
		for _, n := range []string{"q", "k", "v", "o"} {
			add(at+n, 4, 4)
		}
		add(at+"norm", 4)
	}
	for _, stack := range []string{"enc", "dec"} {
		add(stack+".blk.0.attn_rel_b", 2, 4)
		add(stack+".blk.0.ffn_up", 4, 8)
		add(stack+".blk.0.ffn_down", 8, 4)
		add(stack+".blk.0.ffn_norm", 4)
		add(stack+".output_norm", 4)
	}
	return g
}

func TestT5GGUFVariants(t *testing.T) {
	type edit = func(*formattest.GGUF)
	kv := func(key string, v any) edit {
		return func(g *formattest.GGUF) {
			g.KV = slices.DeleteFunc(g.KV, func(kv formattest.KV) bool { return kv.Key == key })
			if v != nil {
				g.KV = append(g.KV, formattest.KV{Key: key, Value: v})
			}
		}
	}
	add := func(name string, b []byte, dims ...uint64) edit {
		return func(g *formattest.GGUF) {
			g.Tensors = append(g.Tensors, formattest.GGUFTensor{Name: name, Dims: dims, Data: b, Offset: -1})
		}
	}
	table := bytes.Repeat(tensor.F32Bytes([]float32{1, -2, 3, .5}), 10)
	again := func(scale float32) edit { // the head, beside an embedding that is not zero
		return func(g *formattest.GGUF) {
			g.Tensors[0].Data = table
			head := slices.Clone(tensor.BytesF32(table))
			for i := range head {
				head[i] *= scale
			}
			add("output.weight", tensor.F32Bytes(head), 4, 10)(g)
		}
	}
	for _, c := range []struct {
		name string
		edit edit
		kind fault.Kind
		says string // "" opens
		tied bool
	}{
		{"plain", func(*formattest.GGUF) {}, 0, "", true},
		{"a head of its own", again(-1), 0, "", false},
		{"the embedding again, rounded", again(1.01), 0, "", true},
		{"a bias that nobody reads", add(unreadBias, make([]byte, 32), 2, 4), 0, "", true},
		{"an encoder alone", kv("general.architecture", "t5encoder"), fault.Unsupported, `"t5encoder": an encoder alone`, false},
		{"a bias in each block", add("enc.blk.1.attn_rel_b.weight", make([]byte, 32), 2, 4), fault.Unsupported, "no part of a plain T5", false},
		{"rotary tables", add(ropeFreqs, make([]byte, 16), 4), fault.Unsupported, "no part of a plain T5", false},
		{"two kinds of heads", kv("t5.attention.value_length", uint32(3)), fault.Unsupported, "value_length is 3", false},
		{"fewer heads of keys", kv("t5.attention.head_count_kv", uint32(1)), fault.Unsupported, "head_count_kv is 1", false},
		{"heads by layer", kv("t5.attention.head_count", []int32{2}), fault.Unsupported, "one number for all layers", false},
		{"no blocks", kv("t5.block_count", nil), fault.Input, "num_layers is 0", false},
		{"more blocks than tensors", kv("t5.decoder_block_count", uint32(2)), fault.Input, "decoder.block.1", false},
		{"absurd blocks", kv("t5.block_count", uint64(1)<<60), fault.Input, "num_layers", false},
		{"absurd heads", kv("t5.attention.key_length", uint64(1)<<60), fault.Input, "d_kv", false},
		{"buckets", kv("t5.attention.relative_buckets_count", uint32(8)), fault.Input, "relative_attention_bias.weight: got [4 2], want [8 2]", false},
		{"a start outside", kv("t5.decoder_start_token_id", uint32(10)), fault.Input, "decoder_start_token_id 10", false},
		{"a huge start", kv("t5.decoder_start_token_id", uint64(1)<<63), fault.Input, "decoder_start_token_id", false},
		{"a gate in one stack", add("enc.blk.0.ffn_gate.weight", make([]byte, 128), 4, 8), fault.Input, "wi_0", false},
	} {
		g := smallT5()
		c.edit(&g)
		ck, err := ReadGGUF(blob("m.gguf", g.Bytes()))
		if c.says == "" {
			if err != nil || ck.Config.Tied != c.tied || ck.Config.ScaledHead != c.tied {
				t.Errorf("%s: got %v", c.name, err)
			}
		} else if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

// Strings and numbers of a tokenizer that do not fit each other never panic.
func FuzzT5GGUFTokenizer(f *testing.F) {
	const at = "tokenizer.ggml."
	f.Add(formattest.GGUF{KV: []formattest.KV{{Key: at + "model", Value: "t5"}, {Key: at + "tokens", Value: []string{"<unk>", "</s>", "▁the", "egg", "<extra_id_0>", "[PAD5]"}},
		{Key: at + "scores", Value: []float32{0, 0, -1, -2, -1000, -10000}}, {Key: at + "token_type", Value: []int32{2, 3, 1, 1, 4, 5}}, {Key: at + "eos_token_id", Value: uint32(1)},
		{Key: at + "precompiled_charsmap", Value: []uint8{8, 0, 0, 0, 0, 4, 0, 0, 0x61, 1, 0, 0, 'x', 0}}, {Key: at + "add_space_prefix", Value: true}}}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := gguf.Open(blob("m.gguf", b))
		if err != nil {
			return
		}
		if tok, err := text.FromGGUF(ggufVocab(g)); err == nil {
			tok.Decode(tok.Encode("½ the <extra_id_0> egg"))
		} else if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
			t.Fatal(err)
		}
	})
}
