package mttl_test

import (
	"os"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/adapter"
	"handful/core/format/formattest"
	"handful/core/format/mttl"
	"handful/core/graph"
)

// files are a checkpoint with what lies beside it.
func files(t testing.TB, name string) format.Folder {
	t.Helper()
	if !strings.Contains(name, ".") {
		return formattest.Folder(t, "testdata/"+name)
	}
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return format.Folder{{Name: name, Blob: format.BytesBlob(b)}}
}

// TestLayouts: what each way of storing is read as. Values are held against
// PyTorch's logits in cmd/handful.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name                       string
		splits, skills, rank, rows int
		selector                   graph.Selector
		regex                      bool
		tasks                      []string
	}{
		{"fine.ckpt", 2, 3, 2, 3, "", true, nil},
		{"bare.pt", 2, 3, 2, 3, "", false, nil},
		{"coarse.pt", 1, 2, 3, 3, "", false, nil},
		{"module_logits_l2_norm.ckpt", 2, 2, 1, 3, graph.SelectL2, false, nil},
		{"poly_use_shared_skill.ckpt", 2, 2, 1, 3, graph.SelectShared, false, nil},
		{"average.ckpt", 2, 3, 2, 1, "", false, nil},
		{"private.ckpt", 1, 3, 2, 3, "", false, []string{"skill 0", "skill 1", "skill 2"}},
		{"experts", 2, 2, 2, 4, "", false, []string{"first", "second", "third"}},
		{"named.ckpt", 1, 2, 2, 3, "", false, nil},
	} {
		a, err := adapter.Open(files(t, c.name))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		inv := a.Inventory
		if inv == nil || a.Format != "mttl" {
			t.Errorf("%s: got %+v, want an inventory", c.name, a)
			continue
		}
		if inv.Splits != c.splits || inv.Skills != c.skills || inv.Rank != c.rank || inv.Tasks != c.rows || inv.Selector != c.selector || inv.Regex != c.regex || len(inv.Sites) != 6 {
			t.Errorf("%s: got %+v", c.name, inv.Config)
		}
		if inv.Sites[0] != "model.layers.0.mlp.down_proj" || inv.Dims["model.layers.1.mlp.down_proj"] != [2]int{64, 32} || inv.TaskType != "CAUSAL_LM" {
			t.Errorf("%s: sites %v %v %s", c.name, inv.Sites, inv.Dims, inv.TaskType)
		}
		if c.tasks == nil && inv.Manifest != nil || c.tasks != nil && (inv.Manifest == nil || !slices.Equal(inv.Manifest.Tasks, c.tasks)) {
			t.Errorf("%s: manifest %+v, want tasks %v", c.name, inv.Manifest, c.tasks)
		}
	}
	for name, want := range map[string]string{"lora.ckpt": "lora", "library": "poems"} {
		a, err := adapter.Open(files(t, name))
		if err != nil || a.Single == nil || a.Single.Rank != 2 || a.Name != want {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
	if a, err := adapter.Open(files(t, "ia3.ckpt")); err != nil || a.IA3 == nil || len(a.IA3.Scale["model.layers.0.mlp.down_proj"]) != 32 || a.IA3.IsFeedforward("model.layers.0.mlp.down_proj") {
		t.Errorf("ia3: got %+v, %v", a, err)
	}
}

// TestSharedRouters: T5's layers that share a router get the one of their
// group, which is stored at its first layer. The logits that come of it are
// held against PyTorch's in cmd/handful.
func TestSharedRouters(t *testing.T) {
	const encoder, feed, decoder = "encoder.block.0.layer.0.SelfAttention.q", "encoder.block.0.layer.1.DenseReluDense.wo", "decoder.block.1.layer.1.EncDecAttention.v"
	for granularity, c := range map[string]struct {
		routers int
		same    [2]string
		other   [2]string
	}{
		"layerwise": {10, [2]string{encoder, "encoder.block.0.layer.0.SelfAttention.v"}, [2]string{encoder, feed}},
		"blockwise": {4, [2]string{encoder, feed}, [2]string{encoder, "encoder.block.1.layer.0.SelfAttention.q"}},
		"coderwise": {2, [2]string{encoder, feed}, [2]string{encoder, decoder}},
	} {
		a, err := adapter.Open(files(t, "t5_"+granularity+".ckpt"))
		if err != nil {
			t.Errorf("%s: %v", granularity, err)
			continue
		}
		inv, distinct := a.Inventory, map[float32]bool{}
		for _, s := range inv.Sites {
			distinct[inv.Logits[s][0]] = true
		}
		if len(distinct) != c.routers || len(inv.Sites) != 16 {
			t.Errorf("%s: %d routers for %d sites, want %d", granularity, len(distinct), len(inv.Sites), c.routers)
		}
		z := inv.Logits
		if !slices.Equal(z[c.same[0]], z[c.same[1]]) || slices.Equal(z[c.other[0]], z[c.other[1]]) {
			t.Errorf("%s: routers are shared otherwise", granularity)
		}
		if inv.TaskType != "SEQ_2_SEQ_LM" || !inv.Regex {
			t.Errorf("%s: %+v", granularity, inv.Config)
		}
	}
}

// edited is fine.ckpt with a change to its pickle, of the same length.
func edited(t *testing.T, name string, pairs ...string) format.Folder {
	b, err := format.ReadAll("test", files(t, name)[0], 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for i := 0; i < len(pairs); i += 2 {
		if len(pairs[i]) != len(pairs[i+1]) || !strings.Contains(s, pairs[i]) {
			t.Fatalf("%q is not in %s", pairs[i], name)
		}
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return format.Folder{{Name: name, Blob: format.BytesBlob([]byte(s))}}
}

// TestRefusals: what would mean something else is refused by its name. The
// stream of pickles has no checksums, so it can be changed.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		f    format.Folder
		kind fault.Kind
		says string
	}{
		{edited(t, "coarse.pt", "lora_alpha", "other_name"), 0, ""}, // the camera-ready's default
		{edited(t, "coarse.pt", "layers.0.self_attn.q_proj.lora_a", "layers.0.self_attn.q_proj.weight"), fault.Unsupported, `q_proj.weight" is no part of an adapter`},
		{edited(t, "coarse.pt", "layers.0.self_attn.q_proj.lora_a", "layers.9.self_attn.q_proj.lora_a"), fault.Input, "want both"},
		{edited(t, "coarse.pt", ".selector.module_logits", ".selector.module_logitz"), fault.Unsupported, "module_logitz"},
		{edited(t, "coarse.pt", "OrderedDict", "OrderedTick"), fault.Unsupported, `"collections.OrderedTick"`},
	} {
		_, err := adapter.Open(c.f)
		if c.says == "" && err != nil || c.says != "" && (!fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("got %v, want %v saying %q", err, c.kind, c.says)
		}
	}
	alone := files(t, "library")
	weights, _ := alone.Find("poems.ckpt")
	if _, err := adapter.Open(format.Folder{weights}); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "no lora_alpha") {
		t.Errorf("a LoRA without its alpha: got %v", err)
	}
	both := append(files(t, "lora.ckpt"), files(t, "ia3.ckpt")...)
	if _, err := adapter.Open(both); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "want one adapter") {
		t.Errorf("two checkpoints: got %v", err)
	}
}

// FuzzRead: nothing panics or takes long; what is accepted fits its own sizes. The stream of
// pickles is what can be changed without a checksum noticing.
func FuzzRead(f *testing.F) {
	b, err := os.ReadFile("testdata/coarse.pt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	allocated := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x := format.NamedBlob{Name: "x.ckpt", Blob: format.BytesBlob(b)}
		start, before := time.Now(), allocated()
		a, err := mttl.Read(x, format.Folder{x})
		if took, got := time.Since(start), allocated()-before; took > 3*time.Second || got > 256<<20 {
			t.Fatalf("%d bytes took %v and %d MB", len(b), took, got>>20)
		}
		if err != nil {
			if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if inv := a.Inventory; inv != nil {
			for _, s := range inv.Sites {
				d := inv.Dims[s]
				if n := inv.Skills * inv.Rank; len(inv.A[s]) != n*d[0] || len(inv.B[s]) != n*d[1] || len(inv.Logits[s]) != inv.Tasks*inv.Splits*inv.Skills || len(inv.A[s]) > 4*len(b) {
					t.Fatalf("%s: %d, %d and %d values for %v %+v", s, len(inv.A[s]), len(inv.B[s]), len(inv.Logits[s]), d, inv.Config)
				}
			}
		}
	})
}
