package skill_test

import (
	"reflect"
	"testing"

	"handful/core/skill"
)

func TestGranularityKeys(t *testing.T) {
	for _, c := range []struct{ site, layer, block, coder string }{
		{"model.layers.11.self_attn.q_proj", "model.layers.11.self_attn", "model.layers.11", "model"},
		{"model.layers.1.mlp.down_proj", "model.layers.1.mlp", "model.layers.1", "model"},
		{"encoder.block.3.layer.0.SelfAttention.q", "encoder.block.3.layer.0", "encoder.block.3", "encoder"},
		{"decoder.block.3.layer.1.EncDecAttention.k", "decoder.block.3.layer.1", "decoder.block.3", "decoder"},
		{"decoder.block.10.layer.2.DenseReluDense.wi_0", "decoder.block.10.layer.2", "decoder.block.10", "decoder"},
		{"lm_head", "lm_head", "lm_head", "model"},
	} {
		want := map[skill.Granularity]string{"": c.site, skill.Fine: c.site, skill.Layer: c.layer, skill.Block: c.block, skill.Coder: c.coder, skill.Coarse: "model"}
		for g, k := range want {
			if got := g.Key(c.site); got != k {
				t.Errorf("%s of %s: %q, want %q", g, c.site, got, k)
			}
		}
	}
	if _, err := skill.ParseGranularity("rough"); err == nil {
		t.Error("an unknown granularity must be refused")
	}
}

// A group starts from the mean of its sites; equal logits stay as they are.
func TestSharedLogits(t *testing.T) {
	sites := []string{"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.layers.0.mlp.up_proj"}
	inv := &skill.Inventory{Config: skill.Config{Splits: 1, Skills: 2, Routing: skill.Routing{Granularity: skill.Layer}}, Sites: sites,
		Logits: map[string][]float32{sites[0]: {1, -2, 0.1, 3}, sites[1]: {3, 0, 0.1, 7}, sites[2]: {5, 5, 5, 5}}}
	keys, groups := inv.Groups()
	if !reflect.DeepEqual(keys, []string{"model.layers.0.self_attn", "model.layers.0.mlp"}) || len(groups[keys[0]]) != 2 {
		t.Fatalf("groups %v, %v", keys, groups)
	}
	if got := inv.Shared(groups[keys[0]]); !reflect.DeepEqual(got, []float32{2, -1, 0.1, 5}) {
		t.Errorf("mean %v", got)
	}
	fresh := inv.FreshLogits(1)
	if !reflect.DeepEqual(fresh[sites[0]], fresh[sites[1]]) || reflect.DeepEqual(fresh[sites[0]], fresh[sites[2]]) {
		t.Errorf("fresh logits %v", fresh)
	}
	c := *inv
	c.Logits = fresh
	if got := c.Shared(groups[keys[0]]); !reflect.DeepEqual(got, fresh[sites[0]]) {
		t.Errorf("the mean of equal logits is %v, want %v", got, fresh[sites[0]])
	}
}
