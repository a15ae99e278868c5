package peft

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/safetensors"
	"handful/core/skill"
	"handful/core/tensor"
)

const (
	golden  = "../../../testdata/golden/mhr/llama_gqa"
	shipped = "../../../assets/inventory/smollm2-135m-mhr"
)

func blob(name string, b []byte) format.NamedBlob {
	return format.NamedBlob{Name: name, Blob: format.BytesBlob(b)}
}

func bytesOf(t testing.TB, f format.Folder, name string) []byte {
	t.Helper()
	b, ok := f.Find(name)
	if !ok {
		t.Fatalf("no %s among %s", name, f.Names())
	}
	raw, err := format.ReadAll(name, b, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func object(t testing.TB, raw []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func toFolder(files []File) (f format.Folder) {
	for _, x := range files {
		f = append(f, blob(x.Name, x.Bytes))
	}
	return f
}

// TestPolyRoundTrip: what PEFT wrote comes out the same, config and weights.
func TestPolyRoundTrip(t *testing.T) {
	for dir, splits := range map[string]int{"s1": 1, "s4": 4} {
		f := formattest.Folder(t, golden+"/"+dir+"/adapter_init")
		inv, err := ReadInventory(f)
		if err != nil {
			t.Fatal(err)
		}
		want := skill.Config{TaskType: "CAUSAL_LM", Splits: splits, Skills: 4, Rank: 4, Tasks: 3, Targets: []string{"down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"}}
		if !reflect.DeepEqual(inv.Config, want) || len(inv.Sites) != 14 || inv.Manifest != nil || inv.TaskRows != nil {
			t.Errorf("%s: got %+v, %d sites", dir, inv.Config, len(inv.Sites))
		}
		if d := inv.Dims["model.layers.1.mlp.down_proj"]; d != [2]int{64, 32} {
			t.Errorf("%s: down_proj is %v", dir, d)
		}
		if d := inv.Dims["model.layers.0.self_attn.k_proj"]; d != [2]int{32, 16} {
			t.Errorf("%s: k_proj is %v", dir, d)
		}
		v := formattest.Safetensors(t, golden+"/"+dir+"/adapter_init/adapter_model.safetensors")
		if got := v.F32("base_model.model.model.layers.0.self_attn.q_proj.poly_lora_B"); !reflect.DeepEqual(got, inv.B["model.layers.0.self_attn.q_proj"]) {
			t.Errorf("%s: other values", dir)
		}
		files, err := WritePoly(inv)
		if err != nil {
			t.Fatal(err)
		}
		out := toFolder(files)
		if got, want := object(t, bytesOf(t, out, "adapter_config.json")), object(t, bytesOf(t, f, "adapter_config.json")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: config: got %v, want %v", dir, got, want)
		}
		if !slices.Equal(bytesOf(t, out, "adapter_model.safetensors"), bytesOf(t, f, "adapter_model.safetensors")) {
			t.Errorf("%s: other weights", dir)
		}
	}
}

// TestLoRARoundTrip: likewise; the config is a part of what PEFT 0.21 writes.
func TestLoRARoundTrip(t *testing.T) {
	f := formattest.Folder(t, golden+"/s4/mhr_mu/adapter_init")
	s, err := ReadLoRA(f)
	if err != nil {
		t.Fatal(err)
	}
	files, err := WriteLoRA(s)
	if err != nil {
		t.Fatal(err)
	}
	out := toFolder(files)
	if !slices.Equal(bytesOf(t, out, "adapter_model.safetensors"), bytesOf(t, f, "adapter_model.safetensors")) {
		t.Error("other weights")
	}
	got, want := object(t, bytesOf(t, out, "adapter_config.json")), object(t, bytesOf(t, f, "adapter_config.json"))
	for k, v := range got {
		if w, ok := want[k]; !ok || !reflect.DeepEqual(v, w) {
			t.Errorf("%s: got %v, PEFT writes %v", k, v, w)
		}
	}
	for _, k := range []string{"peft_type", "r", "lora_alpha", "target_modules", "task_type", "bias", "use_dora", "rank_pattern", "alpha_pattern", "modules_to_save", "loftq_config", "megatron_core"} {
		if _, ok := got[k]; !ok {
			t.Errorf("no %s", k)
		}
	}
}

// TestCard: the card says what the adapter is and how to load it, and a base's
// name cannot break out of it.
func TestCard(t *testing.T) {
	inv, err := ReadInventory(formattest.Folder(t, golden+"/s4/adapter_init"))
	if err != nil {
		t.Fatal(err)
	}
	inv.Base = "org/name\n---\n# <script>"
	files, err := WritePoly(inv)
	if err != nil {
		t.Fatal(err)
	}
	card := string(bytesOf(t, toFolder(files), "README.md"))
	for _, says := range []string{`base_model: "org/name\n---\n# <script>"`, "4 skills × 4 splits, 3 task(s)", "14 linear layers", "PeftModel.from_pretrained", "task_ids", "import torch"} {
		if !strings.Contains(card, says) {
			t.Errorf("no %q in\n%s", says, card)
		}
	}
	again, err := ReadInventory(toFolder(files))
	if err != nil || again.Base != inv.Base {
		t.Errorf("base: got %q, %v", again.Base, err)
	}
}

// pair is a LORA folder of one site, in 2, out 3, rank 2.
func pair(t testing.TB, cfg map[string]any) format.Folder {
	t.Helper()
	m := map[string]any{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": []string{"q"}}
	for k, v := range cfg {
		m[k] = v
	}
	j, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	w, err := safetensors.Encode([]safetensors.Tensor{{Name: "base_model.model.m.q.lora_A.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
		{Name: "base_model.model.m.q.lora_B.weight", Shape: []int{3, 2}, Data: []float32{1, 2, 3, 4, 5, 6}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return format.Folder{blob("adapter_config.json", j), blob("adapter_model.safetensors", w)}
}

// TestScaling: y += (x·A)·B / r whatever lora_alpha and rslora say.
func TestScaling(t *testing.T) {
	for _, c := range []struct {
		cfg    map[string]any
		factor float32 // of B
	}{
		{map[string]any{"lora_alpha": 1}, 1},
		{map[string]any{"lora_alpha": 16}, 16},
		{map[string]any{"lora_alpha": 0.5}, 0.5},
		{map[string]any{"lora_alpha": 3, "use_rslora": true}, 3 * math.Sqrt2},
		{map[string]any{"bias": "none", "init_lora_weights": "gaussian", "lora_dropout": 0.1, "fan_in_fan_out": false, "rank_pattern": map[string]any{}, "new_key": nil, "newer_key": []any{}, "newest": 0}, 2},
	} {
		s, err := ReadLoRA(pair(t, c.cfg))
		if err != nil {
			t.Errorf("%v: %v", c.cfg, err)
			continue
		}
		f := c.factor
		if want := []float32{1, 3, 2, 4}; !reflect.DeepEqual(s.A["m.q"], want) {
			t.Errorf("A: got %v, want %v", s.A["m.q"], want)
		}
		if want := []float32{1 * f, 3 * f, 5 * f, 2 * f, 4 * f, 6 * f}; !reflect.DeepEqual(s.B["m.q"], want) || s.Dims["m.q"] != [2]int{2, 3} {
			t.Errorf("%v: B: got %v, want %v", c.cfg, s.B["m.q"], want)
		}
	}
}

// TestFault29ConfigRefusals are the keys that would change the math (FAULTS 29).
func TestFault29ConfigRefusals(t *testing.T) {
	for _, c := range []struct {
		key  string
		v    any
		kind fault.Kind
	}{
		{"peft_type", "VERA", fault.Unsupported},
		{"peft_type", 3, fault.Unsupported},
		{"use_dora", true, fault.Unsupported},
		{"bias", "all", fault.Unsupported},
		{"bias", "lora_only", fault.Unsupported},
		{"fan_in_fan_out", true, fault.Unsupported},
		{"rank_pattern", map[string]any{"q": 8}, fault.Input},
		{"rank_pattern", map[string]any{"q": 1.5}, fault.Input},
		{"rank_pattern", map[string]any{"q": 0}, fault.Input},
		{"rank_pattern", []int{2}, fault.Input},
		{"alpha_pattern", map[string]any{"q": "8"}, fault.Input},
		{"alpha_pattern", map[string]any{"q": 1e300}, fault.Input},
		{"alpha_pattern", 3, fault.Input},
		{"modules_to_save", []string{"lm_head"}, fault.Unsupported},
		{"exclude_modules", []string{"k"}, fault.Unsupported},
		{"layers_to_transform", []int{1}, fault.Unsupported},
		{"layer_replication", [][]int{{0, 4}}, fault.Unsupported},
		{"trainable_token_indices", []int{1}, fault.Unsupported},
		{"lora_bias", true, fault.Unsupported},
		{"use_qalora", true, fault.Unsupported},
		{"init_lora_weights", "pissa", fault.Unsupported},
		{"init_lora_weights", "olora", fault.Unsupported},
		{"loftq_config", map[string]any{"bits": 4}, fault.Unsupported},
		{"something_new", 1, fault.Unsupported},
		{"something_new", "on", fault.Unsupported},
		{"r", 0, fault.Input},
		{"r", -2, fault.Input},
		{"r", 2.5, fault.Input},
		{"r", "2", fault.Input},
		{"r", 1 << 40, fault.Input},
		{"lora_alpha", "16", fault.Input},
		{"lora_alpha", nil, fault.Input},
		{"lora_alpha", 1e300, fault.Input},
		{"use_rslora", "yes", fault.Input},
		{"target_modules", nil, fault.Input},
		{"target_modules", []string{}, fault.Input},
		{"target_modules", []string{""}, fault.Input},
		{"target_modules", 3, fault.Input},
	} {
		_, err := ReadLoRA(pair(t, map[string]any{c.key: c.v}))
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s = %v: got %v, want %v naming it", c.key, c.v, err, c.kind)
		}
	}
	poly := bytesOf(t, formattest.Folder(t, golden+"/s4/adapter_init"), "adapter_config.json")
	weights := bytesOf(t, formattest.Folder(t, golden+"/s4/adapter_init"), "adapter_model.safetensors")
	for _, c := range []struct {
		key  string
		v    any
		kind fault.Kind
	}{
		{"peft_type", "LORA", fault.Unsupported},
		{"poly_type", "mpoly", fault.Unsupported},
		{"modules_to_save", []string{"lm_head"}, fault.Unsupported},
		{"exclude_modules", "x", fault.Unsupported},
		{"n_splits", 0, fault.Input},
		{"n_skills", 1 << 30, fault.Input},
		{"n_tasks", "3", fault.Input},
	} {
		m := object(t, poly)
		m[c.key] = c.v
		j, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadInventory(format.Folder{blob("adapter_config.json", j), blob("adapter_model.safetensors", weights)})
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("POLY %s = %v: got %v, want %v naming it", c.key, c.v, err, c.kind)
		}
	}
}

// TestPolyTensors holds weights against the config: the fault is a table.
func TestPolyTensors(t *testing.T) {
	f := formattest.Folder(t, golden+"/s4/adapter_init")
	file, err := safetensors.Open(format.BytesBlob(bytesOf(t, f, "adapter_model.safetensors")))
	if err != nil {
		t.Fatal(err)
	}
	const site = "base_model.model.model.layers.0.self_attn.q_proj"
	read := func(cfg map[string]any, edit func(map[string]tensor.Source)) error {
		ts := map[string]tensor.Source{}
		for _, n := range file.Names() {
			if ts[n], err = file.Tensor(n); err != nil {
				t.Fatal(err)
			}
		}
		edit(ts)
		var b strings.Builder
		if err := safetensors.Write(&b, ts, nil); err != nil {
			t.Fatal(err)
		}
		m := object(t, bytesOf(t, f, "adapter_config.json"))
		for k, v := range cfg {
			m[k] = v
		}
		j, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadInventory(format.Folder{blob("adapter_config.json", j), blob("adapter_model.safetensors", []byte(b.String()))})
		return err
	}
	none := func(map[string]tensor.Source) {}
	put := func(name string, shape ...int) func(map[string]tensor.Source) {
		return func(ts map[string]tensor.Source) {
			ts[name] = tensor.F32Source(make([]float32, tensor.Numel(shape)), shape...)
		}
	}
	nan := func(ts map[string]tensor.Source) {
		v := make([]float32, 4*4*8*4)
		v[5], v[77] = float32(math.NaN()), float32(math.Inf(-1))
		ts[site+keyA] = tensor.F32Source(v, 4, 4, 8, 4)
	}
	for _, c := range []struct {
		name string
		cfg  map[string]any
		edit func(map[string]tensor.Source)
		kind fault.Kind
		says []string
	}{
		{"another rank", map[string]any{"r": 8}, none, fault.Input, []string{"poly_lora_A: got [4 4 16 4], want [4 4 * 8]", "and 24 more"}},
		{"another n_splits", map[string]any{"n_splits": 2}, none, fault.Input, []string{"want [2 4 * 4]"}},
		{"another n_tasks", map[string]any{"n_tasks": 5}, none, fault.Input, []string{"module_logits: got [3 16], want [5 16]"}},
		{"no B", nil, func(ts map[string]tensor.Source) { delete(ts, site+keyB) }, fault.Input, []string{"layers.0.self_attn.q_proj.poly_lora_B: got nothing, want [4 4 4 *]"}},
		{"no router", nil, func(ts map[string]tensor.Source) { delete(ts, site+keyZ) }, fault.Input, []string{"module_logits: got nothing"}},
		{"no A", nil, func(ts map[string]tensor.Source) { delete(ts, site+keyA) }, fault.Input, []string{"poly_lora_A: got nothing"}},
		{"three axes", nil, put(site+keyA, 4, 4, 32), fault.Input, []string{"got [4 4 32]"}},
		{"an empty axis", nil, put(site+keyA, 4, 4, 0, 4), fault.Input, []string{"got [4 4 0 4]"}},
		{"a strange tensor", nil, put("base_model.model.lm_head.weight", 1), fault.Unsupported, []string{"lm_head.weight"}},
		{"no prefix", nil, put("layers.9.q_proj"+keyA, 4, 4, 8, 4), fault.Unsupported, []string{`"layers.9.q_proj`}},
		{"no site", nil, put("base_model.model."+keyA[1:], 4, 4, 8, 4), fault.Unsupported, []string{"poly_lora_A"}},
		{"a site not named", map[string]any{"target_modules": []string{"k_proj"}}, none, fault.Input, []string{"target_modules [k_proj] does not name it"}},
		{"a regex that does not match", map[string]any{"target_modules": `.*layers\.0\..*`}, none, fault.Input, []string{"layers.1."}},
		{"not finite", nil, nan, fault.Input, []string{"q_proj.poly_lora_A", "2 of 512 values are NaN"}},
		{"integers", nil, func(ts map[string]tensor.Source) {
			ts[site+keyZ] = tensor.MemSource(tensor.I32, []int{3, 16}, make([]byte, 192), "")
		}, fault.Input, []string{"I32"}},
		{"nothing", nil, func(ts map[string]tensor.Source) { clear(ts) }, fault.Input, []string{"no tensors"}},
	} {
		err := read(c.cfg, c.edit)
		for _, says := range c.says {
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, says)
			}
		}
	}
	if err := read(map[string]any{"target_modules": `model\.layers\.\d+\.(self_attn|mlp)\.[a-z]+_proj`}, none); err != nil {
		t.Errorf("a regex that matches: got %v", err)
	}
}

// TestFolders are what people drop.
func TestFolders(t *testing.T) {
	f := pair(t, nil)
	cfg, w := bytesOf(t, f, "adapter_config.json"), bytesOf(t, f, "adapter_model.safetensors")
	other := strings.Replace(string(cfg), `"lora_alpha":2`, `"lora_alpha":7`, 1)
	nested := format.Folder{blob("out/lora/adapter_config.json", []byte(other)), blob("out/lora/adapter_model.safetensors", w), blob("out/adapter_config.json", cfg), blob("out/adapter_model.safetensors", w)}
	if s, err := ReadLoRA(nested); err != nil || s.B["m.q"][0] != 2 {
		t.Errorf("the shallowest folder: got %v %v", s, err)
	}
	if s, err := ReadLoRA(format.Folder{blob("adapter_config (1).json", cfg), blob("weights.safetensors", w)}); err != nil || len(s.Sites) != 1 {
		t.Errorf("renamed: got %v", err)
	}
	for _, c := range []struct {
		name string
		f    format.Folder
		kind fault.Kind
		says string
	}{
		{"nothing", nil, fault.Input, "no files"},
		{"weights of a folder below", format.Folder{nested[1], nested[2]}, fault.Input, "want adapter_model.safetensors"},
		{"a cut old adapter", format.Folder{f[0], blob("adapter_model.bin", []byte("\x80\x02"))}, fault.Input, "the file ends"},
		{"an mttl checkpoint", format.Folder{blob("last.ckpt", []byte("\x80\x02"))}, fault.Input, "last.ckpt"},
		{"a broken config", format.Folder{blob("adapter_config.json", []byte(`{"r":`)), f[1]}, fault.Input, "malformed"},
		{"a list for a config", format.Folder{blob("adapter_config.json", []byte(`[]`)), f[1]}, fault.Input, "JSON object"},
		{"a page for weights", format.Folder{f[0], blob("adapter_model.safetensors", []byte("<html>"))}, fault.Input, "an HTML page"},
		{"cut weights", format.Folder{f[0], blob("adapter_model.safetensors", w[:len(w)-1])}, fault.Input, "the data has"},
	} {
		if _, err := ReadLoRA(c.f); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v saying %q", c.name, err, c.kind, c.says)
		}
	}
}

// TestPickledWeights: adapter_model.bin has what adapter_model.safetensors has.
func TestPickledWeights(t *testing.T) {
	f := formattest.Folder(t, golden+"/s4/mhr_mu/adapter_init")
	want, err := ReadLoRA(f)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := f.Find("adapter_config.json")
	bin, _ := formattest.Folder(t, "testdata").Find("adapter_model.bin")
	got, err := ReadLoRA(format.Folder{config, bin})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("other weights")
	}
}

// TestHalves: F16 and BF16 weights are widened.
func TestHalves(t *testing.T) {
	for dt, bits := range map[tensor.DType]uint16{tensor.F16: tensor.F32ToF16(1.5), tensor.BF16: 0x3fc0} {
		half := func(shape ...int) tensor.Source {
			b := make([]byte, 2*tensor.Numel(shape))
			for i := 0; i < len(b); i += 2 {
				b[i], b[i+1] = byte(bits), byte(bits>>8)
			}
			return tensor.MemSource(dt, shape, b, "")
		}
		var w strings.Builder
		if err := safetensors.Write(&w, map[string]tensor.Source{"base_model.model.m.q.lora_A.weight": half(2, 2), "base_model.model.m.q.lora_B.weight": half(3, 2)}, nil); err != nil {
			t.Fatal(err)
		}
		f := pair(t, map[string]any{"lora_alpha": 1})
		f[1] = blob("adapter_model.safetensors", []byte(w.String()))
		s, err := ReadLoRA(f)
		if err != nil || s.A["m.q"][3] != 1.5 || s.B["m.q"][5] != 1.5 {
			t.Errorf("%v: got %v, %v", dt, s, err)
		}
	}
}

// TestShipped reads the shipped inventory with its manifest and task rows.
func TestShipped(t *testing.T) {
	if _, err := os.Stat(shipped); err != nil {
		t.Skipf("needs the shipped inventory: %v", err)
	}
	f := formattest.Folder(t, shipped)
	inv, err := ReadInventory(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Sites) != 210 || inv.Splits != 8 || inv.Skills != 8 || inv.Rank != 4 || inv.Sites[20] >= "model.layers.3" {
		t.Errorf("got %+v, %d sites, %s", inv.Config, len(inv.Sites), inv.Sites[20])
	}
	n := inv.Manifest.RouterRows()
	if n == 0 || inv.Manifest.Prompt.Template != skill.DefaultPrompt().Template {
		t.Errorf("manifest: %d tasks, prompt %q", n, inv.Manifest.Prompt.Template)
	}
	for _, s := range inv.Sites {
		if len(inv.TaskRows[s]) != n*64 {
			t.Fatalf("%s: %d logits for %d rows", s, len(inv.TaskRows[s]), n)
		}
	}
	manifest := object(t, bytesOf(t, f, "manifest.json"))
	manifest["tasks"] = []string{"one"}
	delete(manifest, "rows")
	j, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range f {
		if b.Name == "manifest.json" {
			f[i] = blob("manifest.json", j)
		}
	}
	if _, err := ReadInventory(f); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "want [1 64]") {
		t.Errorf("rows for other tasks: got %v", err)
	}
}

// FuzzConfig: nothing panics on any config, whatever reads also writes and
// reads again.
func FuzzConfig(f *testing.F) {
	g := formattest.Folder(f, golden+"/s1/adapter_init")
	f.Add(bytesOf(f, g, "adapter_config.json"))
	f.Add(bytesOf(f, pair(f, nil), "adapter_config.json"))
	poly, lora := bytesOf(f, g, "adapter_model.safetensors"), bytesOf(f, pair(f, nil), "adapter_model.safetensors")
	f.Fuzz(func(t *testing.T, cfg []byte) {
		check := func(err error) bool {
			if err != nil && !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("got %v, want Input or Unsupported", err)
			}
			return err == nil
		}
		if inv, err := ReadInventory(format.Folder{blob("adapter_config.json", cfg), blob("adapter_model.safetensors", poly)}); check(err) {
			files, err := WritePoly(inv)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ReadInventory(toFolder(files))
			if err != nil || !reflect.DeepEqual(again.A, inv.A) || !reflect.DeepEqual(again.Targets, inv.Targets) {
				t.Fatalf("came out another: %v", err)
			}
		}
		if s, err := ReadLoRA(format.Folder{blob("adapter_config.json", cfg), blob("adapter_model.safetensors", lora)}); check(err) {
			files, err := WriteLoRA(s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ReadLoRA(toFolder(files))
			if err != nil || !reflect.DeepEqual(again.A, s.A) || !reflect.DeepEqual(again.B, s.B) {
				t.Fatalf("came out another: %v", err)
			}
		}
	})
}
