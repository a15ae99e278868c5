package hf

import (
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/model"
	"handful/core/tensor"
)

func tiny(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGGUFEqualsFolder: the golden model through llama.cpp's names, types and
// row order is the golden model.
func TestGGUFEqualsFolder(t *testing.T) {
	want, err := Open(base(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadGGUF(blob("tiny.gguf", tiny(t)))
	if err != nil {
		t.Fatal(err)
	}
	w := want.Config
	w.DType, w.Eps = "", float64(float32(1e-5))
	if !reflect.DeepEqual(got.Config, w) || !reflect.DeepEqual(got.Names(), want.Names()) || got.Name != "tiny" {
		t.Errorf("got %+v, want %+v", got.Config, w)
	}
	if s := got.GGUF.String("general.architecture"); s != "llama" {
		t.Errorf("metadata: got %q", s)
	}
	for _, n := range want.Names() {
		g, w := f32(t, got, n), f32(t, want, n)
		for i := range w {
			tol := 0.0
			switch {
			case n == "model.embed_tokens.weight":
				tol = 0.01 // Q8_0: half a step of max/127
			case !strings.Contains(n, "norm"):
				w[i] = tensor.F16ToF32(tensor.F32ToF16(w[i]))
			}
			if math.Abs(float64(g[i]-w[i])) > tol {
				t.Fatalf("%s[%d]: got %g, want %g", n, i, g[i], w[i])
			}
		}
	}
}

// TestHalfSplit permutes as llama.cpp does, of quantised rows too, and reads
// them back in ranges of every length.
func TestHalfSplit(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.Q4_1, tensor.Q8_0} {
		const heads, dim, cols = 3, 8, 32
		row := dt.Bytes(1, cols)
		want := make([]byte, heads*dim*row)
		for i := range want {
			want[i] = byte(i*7 + i/251)
		}
		var stored []byte // reshape(heads, 2, dim/2, row) with axes 1 and 2 swapped
		for h := range heads {
			for i := range dim / 2 {
				for half := range 2 {
					r := h*dim + half*dim/2 + i
					stored = append(stored, want[r*row:(r+1)*row]...)
				}
			}
		}
		s, err := halfSplit(tensor.MemSource(dt, []int{heads * dim, cols}, stored, ""), heads)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.ReadAll(s)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v: other rows (%v)", dt, err)
		}
		for _, n := range []int{1, row - 1, row, 3*row + 5, dim * row, dim*row + 1} {
			for off := 0; off < len(want); off += row/2 + 3 {
				p := make([]byte, n)
				k, err := s.ReadAt(p, int64(off))
				if k != min(n, len(want)-off) || (err == nil) != (k == n) || !slices.Equal(p[:k], want[off:off+k]) {
					t.Fatalf("%v: %d bytes at %d: got %d, %v", dt, n, off, k, err)
				}
			}
		}
	}
	if _, err := halfSplit(tensor.F32Source(make([]float32, 6), 6, 1), 4); !fault.Is(err, fault.Input) {
		t.Errorf("odd rows: got %v", err)
	}
}

// small is a Llama of one layer as a GGUF file.
func small() formattest.GGUF {
	g := formattest.GGUF{KV: []formattest.KV{{Key: "general.architecture", Value: "llama"}, {Key: "llama.block_count", Value: uint32(1)}, {Key: "llama.context_length", Value: uint32(16)},
		{Key: "llama.embedding_length", Value: uint32(4)}, {Key: "llama.feed_forward_length", Value: uint32(8)}, {Key: "llama.attention.head_count", Value: uint32(2)}}}
	add := func(name string, dims ...uint64) {
		n := uint64(4)
		for _, d := range dims {
			n *= d
		}
		g.Tensors = append(g.Tensors, formattest.GGUFTensor{Name: name, Dims: dims, Data: make([]byte, n), Offset: -1})
	}
	add("token_embd.weight", 4, 10)
	for _, n := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
		add("blk.0."+n+".weight", 4, 4)
	}
	add("blk.0.ffn_gate.weight", 4, 8)
	add("blk.0.ffn_up.weight", 4, 8)
	add("blk.0.ffn_down.weight", 8, 4)
	add("blk.0.attn_norm.weight", 4)
	add("blk.0.ffn_norm.weight", 4)
	add("output_norm.weight", 4)
	return g
}

func TestGGUFVariants(t *testing.T) {
	kv := func(key string, v any) func(*formattest.GGUF) {
		return func(g *formattest.GGUF) {
			i := slices.IndexFunc(g.KV, func(kv formattest.KV) bool { return kv.Key == key })
			if i >= 0 {
				g.KV = slices.Delete(g.KV, i, i+1)
			}
			if v != nil {
				g.KV = append(g.KV, formattest.KV{Key: key, Value: v})
			}
		}
	}
	add := func(name string, kind uint32, bytes int, dims ...uint64) func(*formattest.GGUF) {
		return func(g *formattest.GGUF) {
			g.Tensors = append(g.Tensors, formattest.GGUFTensor{Name: name, Dims: dims, Kind: kind, Data: make([]byte, bytes), Offset: -1})
		}
	}
	plain := func(*formattest.GGUF) {}
	for _, c := range []struct {
		name string
		edit func(*formattest.GGUF)
		kind fault.Kind
		says string // "" opens
	}{
		{"plain", plain, 0, ""},
		{"a head of its own", add("output.weight", 0, 160, 4, 10), 0, ""},
		{"64-bit counts", kv("llama.block_count", uint64(1)), 0, ""},
		{"no scaling, said", kv("llama.rope.scaling.type", "none"), 0, ""},
		{"another architecture", kv("general.architecture", "phi3"), fault.Unsupported, `"phi3"`},
		{"no architecture", kv("general.architecture", nil), fault.Unsupported, `""`},
		{"an adapter", kv("general.type", "adapter"), fault.Unsupported, `"adapter"`},
		{"a part", kv("split.count", uint16(3)), fault.Unsupported, "3 parts"},
		{"experts", kv("llama.expert_count", uint32(8)), fault.Unsupported, "expert_count is 8"},
		{"heads by layer", kv("llama.attention.head_count", []int32{2}), fault.Unsupported, "one number for all layers"},
		{"a window", kv("llama.attention.sliding_window", uint32(8)), fault.Unsupported, "sliding_window"},
		{"partial rotation", kv("llama.rope.dimension_count", uint32(1)), fault.Unsupported, "rope.dimension_count"},
		{"scaled rotation", kv("llama.rope.scaling.type", "yarn"), fault.Unsupported, `"yarn"`},
		{"a bias", add("blk.0.attn_q.bias", 0, 16, 4), fault.Unsupported, "attn_q.bias"},
		{"absurd layers", kv("llama.block_count", uint64(1)<<60), fault.Input, "num_hidden_layers"},
		{"no layers", kv("llama.block_count", nil), fault.Input, "num_hidden_layers is 0"},
		{"more layers than tensors", kv("llama.block_count", uint32(2)), fault.Input, "model.layers.1.input_layernorm.weight: got nothing"},
		{"another width", kv("llama.feed_forward_length", uint32(9)), fault.Input, "got [8 4], want [9 4]"},
		{"a negative context", kv("llama.context_length", int32(-5)), fault.Input, "max_position_embeddings is -5"},
		{"a type that is not read", func(g *formattest.GGUF) {
			g.Tensors[0] = formattest.GGUFTensor{Name: "token_embd.weight", Dims: []uint64{4, 10}, Kind: 28, Data: make([]byte, 320), Offset: -1}
		}, fault.Unsupported, "F64"},
	} {
		g := small()
		c.edit(&g)
		ck, err := ReadGGUF(blob("m.gguf", g.Bytes()))
		if c.says == "" {
			if err != nil || ck.Config.Tied == slices.Contains(ck.Names(), "lm_head.weight") {
				t.Errorf("%s: got %v", c.name, err)
			}
		} else if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

// TestRealFile opens SmolLM2 under HF's names.
func TestRealFile(t *testing.T) {
	c, err := ReadGGUF(formattest.Base(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Config: model.Config{ModelType: "llama", Layers: 30, Hidden: 576, FFN: 1536, Heads: 9, KVHeads: 3, HeadDim: 64, Vocab: 49152, Context: 8192, RopeTheta: 1e5, Tied: true,
		Eps: float64(float32(1e-5))}, BOS: []int{1}, EOS: []int{2}}
	if !reflect.DeepEqual(c.Config, want) || len(c.Names()) != 272 {
		t.Errorf("got %+v, %d tensors", c.Config, len(c.Names()))
	}
	s, err := c.Tensor("model.layers.7.self_attn.k_proj.weight")
	if err != nil || s.DType() != tensor.Q4_1 || !reflect.DeepEqual(s.Shape(), []int{192, 576}) {
		t.Fatalf("k_proj: got %v", err)
	}
	if v := f32(t, c, "model.layers.7.self_attn.k_proj.weight"); !tensor.Finite(v) {
		t.Error("k_proj is not finite")
	}
}

// FuzzReadGGUF: nothing panics, and what opens has every tensor of its config.
func FuzzReadGGUF(f *testing.F) {
	f.Add(small().Bytes())
	f.Add(smallT5().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadGGUF(blob("m.gguf", b))
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("got %v, want Input or Unsupported", err)
			}
			return
		}
		for _, s := range c.Config.Shapes() {
			x, err := c.Tensor(s.Name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tensor.ReadAll(x); err != nil && !fault.Is(err, fault.Input) { // NaN is one
				t.Fatalf("%s: %v", s.Name, err)
			}
		}
	})
}
