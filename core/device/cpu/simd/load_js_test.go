package simd

import (
	"math"
	"math/rand/v2"
	"syscall/js"
	"testing"

	"handful/core/fault"
)

// each runs a test on every variant that the host takes; plain it must take.
func each(t *testing.T, test func(t *testing.T, m *Module)) {
	for _, v := range []Variant{Plain, Relaxed} {
		t.Run(string(v), func(t *testing.T) {
			m, err := Load(v)
			if v == Relaxed && fault.Is(err, fault.Unsupported) {
				t.Skip("SKIPPED: this host has no relaxed SIMD")
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.Variant() != v {
				t.Fatalf("loaded %s", m.Variant())
			}
			test(t, m)
		})
	}
}

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// uniform makes n numbers in [-1, 1).
func uniform(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}

// normal makes n numbers of the normal distribution.
func normal(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// near fails unless |got − want| ≤ tolerance·max(1, |want|) for all elements.
func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tolerance*max(1, math.Abs(w))) {
			t.Fatalf("%s: element %d of %d is %g, want %g", what, i, len(want), got[i], w)
		}
	}
}

// lengths are what row kernels must cope with: empty, tails, unrolled rounds.
var lengths = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 576, 1001}

func TestLoad(t *testing.T) {
	m, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Variant(); v != Relaxed && v != Plain {
		t.Errorf("variant %q", v)
	}
	t.Logf("by itself: %s", m.Variant())
}

func TestLoadFaults(t *testing.T) {
	global := js.Global()
	host := global.Get("__handful")
	defer global.Set("__handful", host)
	for name, v := range map[string]any{"nothing": js.Undefined(), "no memory": map[string]any{}} {
		global.Set("__handful", v)
		if _, err := Load(); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: got %v, want an Unsupported fault", name, err)
		}
	}
	// A memory that the module cannot import is refused, not a panic.
	global.Set("__handful", map[string]any{"mem": "not a memory"})
	if _, err := Load(Plain); !fault.Is(err, fault.Unsupported) {
		t.Errorf("wrong memory: got %v, want an Unsupported fault", err)
	}

	api := global.Get("WebAssembly")
	validate := api.Get("validate")
	defer api.Set("validate", validate)
	global.Set("__handful", host)
	no := js.FuncOf(func(js.Value, []js.Value) any { return false })
	defer no.Release()
	api.Set("validate", no)
	if _, err := Load(); !fault.Is(err, fault.Unsupported) {
		t.Errorf("no SIMD: got %v, want an Unsupported fault", err)
	}
}

// TestFallback: where relaxed does not validate, plain is taken.
func TestFallback(t *testing.T) {
	api := js.Global().Get("WebAssembly")
	validate := api.Get("validate")
	defer api.Set("validate", validate)
	small := js.FuncOf(func(_ js.Value, args []js.Value) any { return args[0].Length() == len(plain) })
	defer small.Release()
	if len(plain) == len(relaxed) {
		t.Fatal("the variants are of equal size, so this test cannot tell them apart")
	}
	api.Set("validate", small)
	m, err := Load()
	if err != nil || m.Variant() != Plain {
		t.Errorf("got %v, %v, want plain", m, err)
	}
}

// TestShapes: a slice that is too short is caught before the kernel runs.
func TestShapes(t *testing.T) {
	m, err := Load(Plain)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, 8)
	for name, call := range map[string]func(){
		"short C":        func() { m.GemmNN(v, v, v, 3, 3, 1, 3, 1, 3, 1, false) },
		"short A":        func() { m.GemmNN(v, v, v, 2, 1, 5, 1, 5, 1, 1, false) },
		"short B":        func() { m.GemmNT(v, v, v, 1, 3, 3, 3, 3, 3, 1, false) },
		"narrow stride":  func() { m.GemmTN(v, v, v, 2, 2, 2, 1, 2, 2, 1, false) },
		"negative":       func() { m.GemmNN(v, v, v, -1, 1, 1, 1, 1, 1, 1, false) },
		"lengths":        func() { m.Add(v, v[1:], v) },
		"half a block":   func() { m.Decode(6, make([]float32, 16), make([]byte, 100)) },
		"short source":   func() { m.Decode(6, make([]float32, 32), make([]byte, 19)) },
		"type":           func() { m.Decode(0, v, make([]byte, 100)) },
		"part of a row":  func() { m.RMSNorm(v, v, v[:3], 0) },
		"rope position":  func() { m.Rope(v, v, v, []int32{1, 2}, 1, 4, false) },
		"spans":          func() { m.Softmax(v, []int32{0, 1}, 2, 4, 4, 0) },
		"too few in lse": func() { m.LogSumExp(v[:1], v, 2, 4, 4) },
		"adam":           func() { m.AdamW(v, v, v, v[1:], Adam{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if e, _ := recover().(error); !fault.Is(e, fault.Bug) {
					t.Errorf("got %v, want a Bug fault", e)
				}
			}()
			call()
		})
	}
}
