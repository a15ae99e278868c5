package gguf_test

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/gguf"
	"handful/core/tensor"
)

func open(b []byte) (*gguf.File, error) { return gguf.Open(format.BytesBlob(b)) }

func kindsFile(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/kinds.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPython reads what the Python library wrote: every value and tensor type.
func TestPython(t *testing.T) {
	f, err := open(kindsFile(t))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"v.u8": uint64(200), "v.i8": int64(-100), "v.u16": uint64(60000), "v.i16": int64(-30000), "v.u32": uint64(4000000000),
		"v.i32": int64(-2000000000), "v.f32": 1.5, "v.bool": true, "v.string": "é\n", "v.u64": uint64(1) << 60, "v.i64": int64(-1) << 60, "v.f64": 0.1,
		"a.strings": []string{"a", "", "Ġé"}, "a.ints": []int64{-1, 0, 1 << 20}, "a.floats": []float64{0.5, -2}, "a.bools": []bool{true, false}, "a.bytes": []int64{1, 255}} {
		if got := f.Keys()[key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", key, got, want)
		}
	}
	if v, ok := f.Int("v.u64"); !ok || v != 1<<40 {
		t.Errorf("u64 as int: got %d", v)
	}
	raw, err := os.ReadFile("testdata/kinds.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]float64
	if err := json.Unmarshal(raw, &want); err != nil || len(want) != 12 {
		t.Fatalf("%d tensors, %v", len(want), err)
	}
	for name, w := range want {
		s, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.ReadF32(s)
		if err != nil || !reflect.DeepEqual(s.Shape(), []int{2, len(w) / 2}) {
			t.Fatalf("%s: shape %v, %v", name, s.Shape(), err)
		}
		for i := range got {
			if float64(got[i]) != w[i] {
				t.Fatalf("%s[%d]: got %g, want %g", name, i, got[i], w[i])
			}
		}
	}
	if _, err := f.Tensor("t.Q2_K"); !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "Q2_K") {
		t.Errorf("Q2_K: got %v, want Unsupported by name", err)
	}
	if shape, kind := f.Shape("t.Q2_K"); !reflect.DeepEqual(shape, []int{2, 256}) || kind != "Q2_K" || f.Size("t.Q2_K") != 168 {
		t.Errorf("Q2_K: got %v %s %d", shape, kind, f.Size("t.Q2_K"))
	}
	if _, err := f.Tensor("absent"); !fault.Is(err, fault.Input) {
		t.Errorf("absent: got %v", err)
	}
}

// TestFault25Refusals is the table of files that must not open.
func TestFault25Refusals(t *testing.T) {
	type G = formattest.GGUF
	type T = formattest.GGUFTensor
	one := func(x T) G {
		x.Name = "w"
		return G{Tensors: []T{x}}
	}
	kv := func(key string, v any) G { return G{KV: []formattest.KV{{Key: key, Value: v}}} }
	raw := func(t uint32, b ...byte) formattest.Raw { return formattest.Raw{Type: t, Bytes: b} }
	u64 := func(v uint64) []byte {
		b := make([]byte, 8)
		for i := range b {
			b[i] = byte(v >> (8 * i))
		}
		return b
	}
	array := func(t byte, n uint64, rest ...byte) formattest.Raw {
		return raw(9, append(append([]byte{t, 0, 0, 0}, u64(n)...), rest...)...)
	}
	f32 := make([]byte, 16)
	for _, c := range []struct {
		name string
		file G
		kind fault.Kind
		says string
	}{
		{"lower-case magic", G{Magic: "gguf"}, fault.Input, "want a GGUF file"},
		{"a page", G{Magic: "<html>"}, fault.Input, "an HTML page"},
		{"version 1", G{Version: 1}, fault.Unsupported, "version 1"},
		{"version 4", G{Version: 4}, fault.Unsupported, "version 4"},
		{"big-endian", G{Version: 3 << 24}, fault.Unsupported, "big-endian"},
		{"tensor count", G{NumT: 1 << 40}, fault.Input, "claims 1099511627776 tensors"},
		{"tensor count wraps", G{NumT: math.MaxUint64}, fault.Input, "claims"},
		{"key count", G{NumKV: 1 << 63}, fault.Input, "keys"},
		{"more keys than there are", G{NumKV: 5}, fault.Input, ""},
		{"more tensors than there are", G{NumT: 5}, fault.Input, ""},
		{"empty key", kv("", uint32(1)), fault.Input, "empty"},
		{"key not UTF-8", kv("\xff", uint32(1)), fault.Input, "UTF-8"},
		{"long key", kv(strings.Repeat("k", 1<<16+1), uint32(1)), fault.Input, "65537 bytes"},
		{"key twice", G{KV: []formattest.KV{{Key: "k", Value: uint32(1)}, {Key: "k", Value: uint32(2)}}}, fault.Input, `"k" stands twice`},
		{"value type", kv("k", raw(13)), fault.Input, "type 13"},
		{"string longer than the file", kv("k", raw(8, u64(1<<20)...)), fault.Input, "want 1048576 more bytes"},
		{"string longer than the cap", kv("k", raw(8, u64(1<<40)...)), fault.Input, "a string of 1099511627776 bytes"},
		{"string length wraps", kv("k", raw(8, u64(math.MaxUint64)...)), fault.Input, "a string of"},
		{"array longer than the file", kv("k", array(4, 1<<20)), fault.Input, "claims 1048576 elements"},
		{"array length wraps", kv("k", array(4, 1<<62)), fault.Input, "claims"},
		{"array longer than the cap", kv("k", make([]uint8, 8<<20+1)), fault.Input, "want at most 8388608"},
		{"array of strings", kv("k", array(8, 3, u64(1<<30)...)), fault.Input, ""},
		{"array type", kv("k", array(200, 1, 0, 0, 0, 0)), fault.Input, "array of type 200"},
		{"array of arrays", kv("k", array(9, 1, append([]byte{4, 0, 0, 0}, u64(1)...)...)), fault.Unsupported, "array of arrays"},
		{"alignment 0", kv("general.alignment", uint32(0)), fault.Input, "power of two"},
		{"alignment 24", kv("general.alignment", uint32(24)), fault.Input, "power of two"},
		{"alignment 2^31", kv("general.alignment", uint32(1<<31)), fault.Input, "power of two"},
		{"alignment of text", kv("general.alignment", "32"), fault.Input, "power of two"},
		{"no axes", one(T{Data: f32}), fault.Input, "has 0 axes"},
		{"5 axes", one(T{Dims: []uint64{1, 1, 1, 1, 1}, Data: f32}), fault.Input, "has 5 axes"},
		{"axis of 0", one(T{Dims: []uint64{4, 0}, Data: f32}), fault.Input, "an axis of 0"},
		{"axis above 2^31", one(T{Dims: []uint64{1 << 32}, Data: f32}), fault.Input, "an axis of 4294967296"},
		{"product wraps", one(T{Dims: []uint64{1 << 30, 1 << 30, 1 << 30, 4}, Data: f32}), fault.Input, "out of range"},
		{"product over the file", one(T{Dims: []uint64{1 << 30, 1 << 20}, Data: f32}), fault.Input, "bytes at 0 of the data"},
		{"unknown kind", one(T{Dims: []uint64{4}, Kind: 99, Data: f32}), fault.Unsupported, "ggml type 99"},
		{"a removed kind", one(T{Dims: []uint64{32}, Kind: 4, Data: f32}), fault.Unsupported, "ggml type 4"},
		{"broken blocks", one(T{Dims: []uint64{16, 2}, Kind: 8, Data: make([]byte, 34)}), fault.Input, "no whole blocks of 32"},
		{"cut data", one(T{Dims: []uint64{5}, Data: f32}), fault.Input, "20 bytes at 0 of the data, which has 16"},
		{"offset past the end", one(T{Dims: []uint64{4}, Offset: 32, Data: f32}), fault.Input, "at 32"},
		{"offset wraps", one(T{Dims: []uint64{4}, Offset: math.MaxInt64 &^ 31, Data: f32}), fault.Input, "of the data"},
		{"offset not aligned", one(T{Dims: []uint64{1}, Offset: 4, Data: f32}), fault.Input, "multiple of 32"},
		{"no name", G{Tensors: []T{{Dims: []uint64{4}, Data: f32}}}, fault.Input, "empty"},
		{"name twice", G{Tensors: []T{{Name: "w", Dims: []uint64{4}, Data: f32, Offset: -1}, {Name: "w", Dims: []uint64{4}, Data: f32, Offset: -1}}}, fault.Input, `"w" stands twice`},
		{"overlap", G{Tensors: []T{{Name: "v", Dims: []uint64{16}, Data: make([]byte, 64), Offset: 0}, {Name: "w", Dims: []uint64{4}, Data: f32, Offset: 32}}}, fault.Input, `"v" and "w" overlap`},
	} {
		_, err := open(c.file.Bytes())
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 500 {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

func TestAccepted(t *testing.T) {
	for name, g := range map[string]formattest.GGUF{
		"nothing":      {},
		"version 2":    {Version: 2, KV: []formattest.KV{{Key: "k", Value: uint32(1)}}},
		"alignment 64": {Align: 64, KV: []formattest.KV{{Key: "general.alignment", Value: uint32(64)}}, Tensors: []formattest.GGUFTensor{{Name: "a", Dims: []uint64{3, 2}, Data: make([]byte, 24), Offset: -1}, {Name: "b", Dims: []uint64{1}, Data: make([]byte, 4), Offset: -1}}},
		"a tail":       {Tensors: []formattest.GGUFTensor{{Name: "a", Dims: []uint64{1}, Data: make([]byte, 4), Offset: -1}}, Tail: []byte("x")},
	} {
		f, err := open(g.Bytes())
		if err != nil || len(f.Names()) != len(g.Tensors) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestCut cuts a good file at every byte: it must not open, or, cut within the
// padding at its end, open as it is.
func TestCut(t *testing.T) {
	b := kindsFile(t)
	for n := range b {
		f, err := open(b[:n])
		if err == nil {
			for _, name := range f.Names() {
				if s, err := f.Tensor(name); err == nil {
					if _, err := tensor.ReadAll(s); err != nil {
						t.Fatalf("cut at %d: opens, but %s does not read: %v", n, name, err)
					}
				}
			}
		} else if !fault.Is(err, fault.Input) {
			t.Fatalf("cut at %d: got %v, want Input", n, err)
		}
	}
}

// TestSourceReads holds ranged reads against the whole.
func TestSourceReads(t *testing.T) {
	f, err := open(kindsFile(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Tensor("t.Q4_1")
	if err != nil {
		t.Fatal(err)
	}
	all, err := tensor.ReadAll(s)
	if err != nil || len(all) != 80 {
		t.Fatalf("%d bytes, %v", len(all), err)
	}
	p := make([]byte, 50)
	if n, err := s.ReadAt(p, 20); n != 50 || err != nil || string(p) != string(all[20:70]) {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := s.ReadAt(p, 60); n != 20 || err != io.EOF || string(p[:20]) != string(all[60:]) {
		t.Errorf("past the end: got %d, %v", n, err)
	}
}

// TestRealFile opens SmolLM2: 272 tensors, 49,152 tokens, in time.
func TestRealFile(t *testing.T) {
	b := formattest.Base(t)
	start := time.Now()
	f, err := gguf.Open(b)
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("opened in %v", took)
	if took > time.Second {
		t.Errorf("opening took %v", took)
	}
	if n, tok, merges := len(f.Names()), f.Strings("tokenizer.ggml.tokens"), f.Strings("tokenizer.ggml.merges"); n != 272 || len(tok) != 49152 || len(merges) != 48900 {
		t.Errorf("got %d tensors, %d tokens, %d merges", n, len(tok), len(merges))
	}
	if s, kind := f.Shape("blk.0.attn_k.weight"); !reflect.DeepEqual(s, []int{192, 576}) || kind != "Q4_1" {
		t.Errorf("attn_k: got %s %v", kind, s)
	}
	if types := f.Ints("tokenizer.ggml.token_type"); len(types) != 49152 {
		t.Errorf("got %d token types", len(types))
	}
}

// FuzzOpen: nothing panics, and every tensor of what is accepted reads.
func FuzzOpen(f *testing.F) {
	f.Add(kindsFile(f))
	f.Add(formattest.GGUF{KV: []formattest.KV{{Key: "general.alignment", Value: uint32(32)}, {Key: "a", Value: []string{"x", "y"}}, {Key: "b", Value: []int32{1, 2}}},
		Tensors: []formattest.GGUFTensor{{Name: "w", Dims: []uint64{32, 2}, Kind: 8, Data: make([]byte, 68), Offset: -1}, {Name: "v", Dims: []uint64{4}, Data: make([]byte, 16), Offset: -1}}}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := open(b)
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("got %v, want Input or Unsupported", err)
			}
			return
		}
		for _, n := range x.Names() {
			s, err := x.Tensor(n)
			if fault.Is(err, fault.Unsupported) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tensor.ReadAll(s); err != nil {
				t.Fatalf("%q: %v", n, err)
			}
		}
	})
}
