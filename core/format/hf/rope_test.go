package hf

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format/formattest"
)

// TestRopeStretch holds what frequencies are divided by against transformers
// 5.23 (ROPE_INIT_FUNCTIONS[type](config, "cpu")[0]), for heads of 8 and θ 1e4.
func TestRopeStretch(t *testing.T) {
	llama3 := map[string]any{"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 128}
	linear := map[string]any{"type": "linear", "factor": 2.5}
	for _, c := range []struct {
		name string
		keys map[string]any
		want []float64
	}{
		{"llama3", map[string]any{"rope_parameters": llama3}, []float64{1, 2.33911681, 8, 8}},
		{"llama3 of transformers 4", map[string]any{"rope_scaling": llama3, "rope_parameters": nil}, []float64{1, 2.33911681, 8, 8}},
		{"linear", map[string]any{"rope_scaling": linear}, []float64{2.5, 2.5, 2.5, 2.5}},
		{"default", map[string]any{"rope_scaling": map[string]any{"rope_type": "default"}}, nil},
		{"an empty one", map[string]any{"rope_scaling": map[string]any{}}, nil},
	} {
		f := base(t)
		f[0] = blob("config.json", edited(t, c.keys))
		ck, err := Open(f)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		wantStretch(t, c.name, ck.Config.RopeStretch, c.want)
	}
}

func wantStretch(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
		return
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6*want[i] {
			t.Errorf("%s: got %v, want %v", name, got, want)
			return
		}
	}
}

// TestGGUFRope: llama.cpp stores a factor, or a tensor of one a frequency.
func TestGGUFRope(t *testing.T) {
	kv := func(g *formattest.GGUF, key string, v any) {
		g.KV = append(g.KV, formattest.KV{Key: "llama.rope." + key, Value: v})
	}
	freqs := func(g *formattest.GGUF, v ...float32) {
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		g.Tensors = append(g.Tensors, formattest.GGUFTensor{Name: ropeFreqs, Dims: []uint64{uint64(len(v))}, Data: b, Offset: -1})
	}
	for _, c := range []struct {
		name string
		edit func(*formattest.GGUF)
		want []float64
		says string // "" opens
	}{
		{"linear", func(g *formattest.GGUF) { kv(g, "scaling.type", "linear"); kv(g, "scaling.factor", float32(4)) }, []float64{4}, ""},
		{"an old key", func(g *formattest.GGUF) { kv(g, "scale_linear", float32(2)) }, []float64{2}, ""},
		{"a factor of one", func(g *formattest.GGUF) { kv(g, "scaling.type", "linear"); kv(g, "scaling.factor", float32(1)) }, nil, ""},
		{"a tensor", func(g *formattest.GGUF) { freqs(g, 8) }, []float64{8}, ""},
		{"a tensor and a factor", func(g *formattest.GGUF) { freqs(g, 8); kv(g, "scaling.factor", float32(4)) }, nil, "factor is 4"},
		{"a factor for nothing", func(g *formattest.GGUF) { kv(g, "scaling.type", "none"); kv(g, "scaling.factor", float32(4)) }, nil, "factor is 4"},
		{"a negative factor", func(g *formattest.GGUF) { kv(g, "scaling.factor", float32(-4)) }, nil, "factor is -4"},
		{"too many", func(g *formattest.GGUF) { freqs(g, 8, 8) }, nil, "got [2], want [1]"},
		{"none", func(g *formattest.GGUF) { freqs(g, 0) }, nil, "value 0 is 0"},
		{"no number", func(g *formattest.GGUF) { freqs(g, float32(math.NaN())) }, nil, "value 0 is NaN"},
	} {
		g := small()
		c.edit(&g)
		ck, err := ReadGGUF(blob("m.gguf", g.Bytes()))
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says == "":
			wantStretch(t, c.name, ck.Config.RopeStretch, c.want)
		case !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: got %v, want a fault saying %q", c.name, err, c.says)
		}
	}
}
