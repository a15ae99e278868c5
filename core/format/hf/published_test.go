package hf

import (
	"bytes"
	"io"
	"math"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/tensor"
)

// Parameters of the published models.
var parameters = map[string]int{"t5-small": 60_506_624, "t5-base": 222_903_552, "t5-large": 737_668_096, "t5-v1_1-small": 76_961_152, "t5-v1_1-base": 247_577_856,
	"t5-v1_1-large": 783_150_080, "smollm2-135m": 134_515_008, "smollm2-360m": 361_821_120, "qwen2.5-0.5b": 494_032_768, "qwen3-0.6b": 596_049_920, "tinyllama-1.1b": 1_100_048_384}

func TestPublishedSizes(t *testing.T) {
	for _, name := range Published() {
		_, tensors, err := RandomModel(name, tensor.F32, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, s := range tensors {
			n += tensor.Numel(s.Shape())
		}
		if n != parameters[name] {
			t.Errorf("%s has %d parameters, want %d", name, n, parameters[name])
		}
	}
	if _, _, err := RandomModel("t6", tensor.F32, 1); !fault.Is(err, fault.Input) {
		t.Errorf("an unknown shape: %v", err)
	}
	if _, _, err := RandomModel("t5-small", tensor.Q8_0, 1); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a quantised type: %v", err)
	}
}

// A written model opens; the same seed gives the same values in any order of
// reading, and in each type rounded.
func TestRandomModelOpens(t *testing.T) {
	values := func(dt tensor.DType, seed uint64) *Checkpoint {
		config, tensors, err := RandomModel("t5-v1_1-small", dt, seed)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := safetensors.Write(&out, tensors, nil); err != nil {
			t.Fatal(err)
		}
		c, err := Open(format.Folder{blob("config.json", config), blob("model.safetensors", out.Bytes())})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const q, norm = "decoder.block.3.layer.1.EncDecAttention.q.weight", "encoder.final_layer_norm.weight"
	half := values(tensor.F16, 7)
	a := f32(t, half, q)
	sum := 0.0
	for _, x := range a {
		sum += float64(x) * float64(x)
	}
	if rms, want := math.Sqrt(sum/float64(len(a))), 1/math.Sqrt(512*64); math.Abs(rms/want-1) > 0.02 {
		t.Errorf("q has deviation %g, want %g", rms, want)
	}
	for _, x := range f32(t, half, norm) {
		if x != 1 {
			t.Fatalf("a norm begins at %g", x)
		}
	}
	for dt, ulp := range map[tensor.DType]float64{tensor.F32: 1.0 / (1 << 11), tensor.BF16: 1.0 / (1 << 8)} {
		_, tensors, _ := RandomModel("t5-v1_1-small", dt, 7)
		b, err := tensor.ReadF32(tensors[q])
		if err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > ulp*math.Abs(float64(a[i]))+1e-7 {
				t.Fatalf("%v value %d is %g, in F16 %g", dt, i, b[i], a[i])
			}
		}
	}
	_, tensors, _ := RandomModel("t5-v1_1-small", tensor.F32, 7)
	s := tensors[q]
	whole := make([]byte, s.DType().Bytes(s.Shape()...))
	if _, err := s.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(whole) - 5, 4*randomBlock - 3, 0, 8*randomBlock + 1} {
		p := make([]byte, 5)
		if _, err := s.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, whole[at:at+5]) {
			t.Errorf("at %d: %v, %v; want %v", at, p, err, whole[at:at+5])
		}
	}
	if n, err := s.ReadAt(make([]byte, 9), int64(len(whole)-5)); n != 5 || err != io.EOF {
		t.Errorf("over the end: %d, %v", n, err)
	}
	if _, other, _ := RandomModel("t5-v1_1-small", tensor.F32, 8); func() bool { p := make([]byte, 64); other[q].ReadAt(p, 0); return bytes.Equal(p, whole[:64]) }() {
		t.Error("another seed gives the same values")
	}
}
