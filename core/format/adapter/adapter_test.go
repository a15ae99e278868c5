package adapter

import (
	"archive/zip"
	"bytes"
	"os"
	"path"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
)

const (
	llama = "../../../testdata/golden/mhr/llama_gqa"
	mttls = "../mttl/testdata"
)

// in puts a folder's files under another folder, the names made useless.
func in(t testing.TB, dir, from string, names ...string) (f format.Folder) {
	t.Helper()
	for _, b := range formattest.Folder(t, from) {
		for i, n := range names {
			if b.Name == n {
				f = append(f, format.NamedBlob{Name: path.Join(dir, string(rune('a'+i))), Blob: b.Blob})
			}
		}
	}
	if len(f) != len(names) {
		t.Fatalf("%s: %d of %v", from, len(f), names)
	}
	return f
}

func zipped(t testing.TB, name string, f format.Folder) format.NamedBlob {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, x := range f {
		w, err := z.Create(x.Name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := format.ReadAll("test", x, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(raw)
	}
	z.Close()
	return format.NamedBlob{Name: name, Blob: format.BytesBlob(b.Bytes())}
}

func text(name, s string) format.NamedBlob {
	return format.NamedBlob{Name: name, Blob: format.BytesBlob([]byte(s))}
}

// TestSort: files are told apart by what is in them.
func TestSort(t *testing.T) {
	base := in(t, "x", llama, "config.json", "model.safetensors")
	lora := in(t, "y", llama+"/s4/mhr_mu/adapter_init", "adapter_config.json", "adapter_model.safetensors")
	poly := in(t, "", llama+"/s4/adapter_init", "adapter_config.json", "adapter_model.safetensors")
	mttl := in(t, "m", mttls, "coarse.pt")
	library := in(t, "l", mttls+"/library", "poems.ckpt", "poems.meta")
	both := append(append(format.Folder{}, base...), lora...)
	for _, c := range []struct {
		what string
		f    format.Folder
		want string // b, s or * for each file
	}{
		{"a base", base, "bb"},
		{"a LoRA with its card", append(append(format.Folder{}, lora...), text("y/README.md", "# card"), text("y/t", `{"prompt": {}, "tasks": []}`)), "ssss"},
		{"a base and skills in one place", append(in(t, "", llama, "config.json", "model.safetensors"), poly...), "bbss"},
		{"mttl", mttl, "s"},
		{"mttl's library", library, "ss"},
		{"a zip of a LoRA", format.Folder{zipped(t, "d.bin", lora)}, "s"},
		{"a zip of both", format.Folder{zipped(t, "d.zip", both)}, "*"},
		{"a GGUF", format.Folder{text("g", "GGUF\x03")}, "b"},
		{"a tokenizer by itself", format.Folder{text("t", `{"model": {}, "added_tokens": []}`)}, "b"},
		{"notes", format.Folder{text("notes.txt", "hello")}, "b"},
		{"a page", format.Folder{text("model.gguf", "<html>")}, "b"},
	} {
		roles, err := Sort(c.f)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got := ""
		for _, r := range roles {
			got += map[Role]string{{}: "-", {Base: true}: "b", {Skills: true}: "s", {Base: true, Skills: true}: "*"}[r]
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	if _, err := Sort(format.Folder{text("z.zip", "PK\x03\x04 and no more")}); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "z.zip") {
		t.Errorf("a broken zip: got %v", err)
	}
}

// TestInventoryOfDrops: folders and zips of LoRAs, whatever files are called,
// are the skills of one inventory; below an adapter's folder nothing counts.
func TestInventoryOfDrops(t *testing.T) {
	lora := func(dir string) format.Folder {
		return in(t, dir, llama+"/s4/mhr_mu/adapter_init", "adapter_config.json", "adapter_model.safetensors")
	}
	named := func(dir string) format.Folder {
		f := lora(dir)
		f[0].Name, f[1].Name = dir+"/adapter_config.json", dir+"/adapter_model.safetensors"
		return f
	}
	several := append(append(named("first"), named("second")...), named("first/lora")...)
	library, err := os.ReadFile(mttls + "/lora.ckpt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f     format.Folder
		tasks string
	}{
		{lora("some"), "some"},
		{several, "first second"},
		{format.Folder{zipped(t, "pack.zip", named("inner"))}, "inner"},
		{format.Folder{zipped(t, "one.zip", named("")), zipped(t, "two.zip", named(""))}, "one two"},
		{format.Folder{text("poems.ckpt", string(library))}, "poems"},
	} {
		f, err := c.f.Expand()
		if err != nil {
			t.Fatal(err)
		}
		inv, err := Inventory(f)
		if err != nil {
			t.Errorf("%s: %v", c.tasks, err)
			continue
		}
		if got := strings.Join(inv.Manifest.Tasks, " "); got != c.tasks || inv.Skills != len(strings.Fields(c.tasks)) {
			t.Errorf("got %d skills %s, want %s", inv.Skills, got, c.tasks)
		}
	}
	if _, err := Open(several); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "first, second") {
		t.Errorf("several as one adapter: got %v", err)
	}
}
