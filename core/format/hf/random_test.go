package hf

import (
	"math"
	"reflect"
	"testing"

	"handful/core/format"
	"handful/core/tensor"
)

func TestRandom(t *testing.T) {
	open := func(config string, seed uint64) (*Checkpoint, error) {
		return Random(format.Folder{{Name: "config.json", Blob: format.BytesBlob([]byte(config))}}, seed)
	}
	const sizes = `"model_type":"llama","num_hidden_layers":2,"hidden_size":32,"intermediate_size":64,"num_attention_heads":4,"vocab_size":200`
	c, err := open("{"+sizes+`,"initializer_range":0.1}`, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
	values := func(c *Checkpoint, name string) []float32 {
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
	sum := 0.0
	head := values(c, "lm_head.weight")
	for _, x := range head {
		sum += float64(x) * float64(x)
	}
	if rms := math.Sqrt(sum / float64(len(head))); math.Abs(rms-0.1) > 0.005 {
		t.Errorf("the head's values have deviation %g, want 0.1", rms)
	}
	for _, x := range values(c, "model.norm.weight") {
		if x != 1 {
			t.Fatalf("a norm begins at %g, want 1", x)
		}
	}
	again, _ := open("{"+sizes+`,"initializer_range":0.1}`, 1)
	other, _ := open("{"+sizes+`,"initializer_range":0.1}`, 2)
	if !reflect.DeepEqual(head, values(again, "lm_head.weight")) || reflect.DeepEqual(head, values(other, "lm_head.weight")) {
		t.Error("a seed gives its own values, always the same")
	}
	for _, bad := range []string{`{}`, "{" + sizes + `,"initializer_range":-1}`, `{"model_type":"llama","num_hidden_layers":500,"hidden_size":65536,"intermediate_size":65536,"num_attention_heads":4,"vocab_size":200}`} {
		if _, err := open(bad, 1); err == nil {
			t.Errorf("%s must be refused", bad)
		}
	}
}
