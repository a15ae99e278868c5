package peft

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/skill"
)

const ia3 = "../../tune/testdata/ia3/adapter_init" // written by PEFT

// TestIA3RoundTrip: what PEFT wrote comes out the same, config and weights.
func TestIA3RoundTrip(t *testing.T) {
	f := formattest.Folder(t, ia3)
	a, err := ReadIA3(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Sites) != 6 || !a.IsFeedforward("model.layers.1.mlp.down_proj") || a.IsFeedforward("model.layers.1.self_attn.k_proj") ||
		a.Dims["model.layers.0.mlp.down_proj"] != [2]int{64, 0} || a.Dims["model.layers.0.self_attn.v_proj"] != [2]int{0, 16} {
		t.Fatalf("got %+v", a)
	}
	files, err := WriteIA3(a)
	if err != nil {
		t.Fatal(err)
	}
	out := toFolder(files)
	if got, want := object(t, bytesOf(t, out, "adapter_config.json")), object(t, bytesOf(t, f, "adapter_config.json")); !reflect.DeepEqual(got, want) {
		t.Errorf("config %v, want %v", got, want)
	}
	v := formattest.Bytes(t, bytesOf(t, out, "adapter_model.safetensors"))
	want := formattest.Safetensors(t, ia3+"/adapter_model.safetensors")
	for _, s := range a.Sites {
		name := prefix + s + keyL
		if !reflect.DeepEqual(v.F32(name), want.F32(name)) || !reflect.DeepEqual(v.Shape(name), want.Shape(name)) {
			t.Errorf("%s: %v, want %v", name, v.Shape(name), want.Shape(name))
		}
	}
}

// TestNewIA3: ones, and feed-forward sites by the last part of their names.
func TestNewIA3(t *testing.T) {
	sites := []string{"m.0.attn.k_proj", "m.0.mlp.down_proj", "m.1.mlp.down_proj"}
	dims := map[string][2]int{sites[0]: {4, 2}, sites[1]: {8, 4}, sites[2]: {8, 4}}
	for _, c := range []struct {
		targets []string
		regex   bool
		want    []string
	}{
		{[]string{"k_proj", "down_proj"}, false, []string{"down_proj"}},
		{[]string{"k_proj", "mlp.down_proj"}, false, []string{"mlp.down_proj"}},
		{[]string{`m\..*`}, true, []string{"down_proj"}},
	} {
		a := skill.NewIA3(sites, dims, c.targets, c.regex)
		if !reflect.DeepEqual(a.Feedforward, c.want) || !reflect.DeepEqual(a.Scale[sites[0]], []float32{1, 1}) || len(a.Scale[sites[1]]) != 8 {
			t.Errorf("%v: got %+v", c.targets, a)
		}
		files, err := WriteIA3(a)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ReadIA3(toFolder(files)); err != nil || !reflect.DeepEqual(back.Scale, a.Scale) {
			t.Errorf("%v: came back as %+v (%v)", c.targets, back, err)
		}
	}
	if a := skill.NewIA3(sites[:1], dims, []string{"k_proj"}, false); a.Feedforward != nil {
		t.Errorf("got %v, want no feed-forward modules", a.Feedforward)
	} else if files, err := WriteIA3(a); err != nil || !strings.Contains(string(files[0].Bytes), `"feedforward_modules": []`) {
		t.Errorf("%v, config %s", err, files[0].Bytes)
	}
}

func TestIA3Refusals(t *testing.T) {
	f := formattest.Folder(t, ia3)
	config, weights := bytesOf(t, f, "adapter_config.json"), bytesOf(t, f, "adapter_model.safetensors")
	for _, c := range []struct {
		key  string
		v    any
		kind fault.Kind
	}{
		{"peft_type", "LORA", fault.Unsupported},
		{"fan_in_fan_out", true, fault.Unsupported},
		{"modules_to_save", []string{"lm_head"}, fault.Unsupported},
		{"feedforward_modules", ".*down_proj", fault.Unsupported},
		{"feedforward_modules", nil, fault.Unsupported},
		{"feedforward_modules", []string{"k_proj"}, fault.Input}, // the weights are scaled by output
		{"feedforward_modules", []string{}, fault.Input},
		{"target_modules", []string{"q_proj"}, fault.Input},
	} {
		m := object(t, config)
		m[c.key] = c.v
		j, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadIA3(format.Folder{blob("adapter_config.json", j), blob("adapter_model.safetensors", weights)}); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s = %v: got %v, want %v naming it", c.key, c.v, err, c.kind)
		}
	}
}
