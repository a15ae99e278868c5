package peft

import (
	"math"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
)

// TestPatterns: a linear's own rank and alpha, the first pattern of the file
// that names it, as PEFT's get_pattern_key takes it.
func TestPatterns(t *testing.T) {
	modules := []string{"m.0.q", "m.1.q", "m.1.k", "m.1.qk"}
	ranks := map[string]int{"m.0.q": 3, "m.1.q": 1, "m.1.k": 2, "m.1.qk": 2}
	var ts []safetensors.Tensor
	for _, m := range modules {
		r := ranks[m]
		a, b := make([]float32, r*2), make([]float32, 3*r)
		for i := range a {
			a[i] = float32(i + 1)
		}
		for i := range b {
			b[i] = float32(i + 2)
		}
		ts = append(ts, safetensors.Tensor{Name: prefix + m + keyLA, Shape: []int{r, 2}, Data: a}, safetensors.Tensor{Name: prefix + m + keyLB, Shape: []int{3, r}, Data: b})
	}
	w, err := safetensors.Encode(ts, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rslora := range []string{"false", "true"} {
		cfg := `{"peft_type": "LORA", "target_modules": ["q", "k", "qk"], "r": 2, "lora_alpha": 6, "use_rslora": ` + rslora + `,
			"rank_pattern": {"m\\.0\\.q": 3, "q": 1}, "alpha_pattern": {"1.q": 5, "q": 7, "^m.1.k": 9}}`
		s, err := ReadLoRA(format.Folder{blob("adapter_config.json", []byte(cfg)), blob("adapter_model.safetensors", w)})
		if err != nil {
			t.Fatal(err)
		}
		if s.Rank != 3 {
			t.Errorf("rank %d, want the largest, 3", s.Rank)
		}
		for m, alpha := range map[string]float64{"m.0.q": 7, "m.1.q": 5, "m.1.k": 9, "m.1.qk": 6} {
			r := ranks[m]
			scale := alpha / float64(r)
			if rslora == "true" {
				scale = alpha / math.Sqrt(float64(r))
			}
			for i := range 2 {
				for o := range 3 {
					want, got := 0.0, 0.0
					for k := range r {
						want += scale * float64(k*2+i+1) * float64(o*r+k+2)
					}
					for k := range s.Rank {
						got += float64(s.A[m][i*s.Rank+k]) * float64(s.B[m][k*3+o]) / float64(s.Rank)
					}
					if math.Abs(got-want) > 1e-5*want {
						t.Errorf("rslora %s, %s at %d, %d: got %v, want %v", rslora, m, i, o, got, want)
					}
				}
			}
		}
	}
	cfg := `{"peft_type": "LORA", "target_modules": ["q", "k", "qk"], "r": 2, "rank_pattern": {"(q": 3}}`
	if _, err := ReadLoRA(format.Folder{blob("adapter_config.json", []byte(cfg)), blob("adapter_model.safetensors", w)}); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "(q") {
		t.Errorf("a broken pattern: got %v", err)
	}
}
