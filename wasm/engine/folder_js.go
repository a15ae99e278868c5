package main

import (
	"context"
	"encoding/json"
	"path"
	"sort"
	"strings"
	"syscall/js"
	"time"

	"handful/core/device"
	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// maxIndex bounds a shard index.
const maxIndex = 16 << 20

// Source is one file of a folder: one of the call's blobs, or an address of
// this origin. An address that ends with "/", or whose name has no extension,
// is a folder; Files are then what is known of files in it, by name.
type Source struct {
	Name   string           `json:"name"`
	Blob   *int             `json:"blob"`
	URL    string           `json:"url"`
	SHA256 string           `json:"sha256"`
	Size   int64            `json:"size"`
	Of     string           `json:"of"` // what it is a part of, for the list of what is stored
	Files  map[string]known `json:"files"`

	admit func(bytes int64) error // of a base's weights; nil: any
}

// known is what a file must be.
type known struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Progress is a step of opening, with the rate of a download.
type Progress struct {
	engine.Progress
	Rate float64 `json:"rate,omitempty"` // bytes per second
}

// Gotten says where a file was gotten.
type Gotten struct {
	Of    string `json:"of"` // base, inventory, adapter
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	From  string `json:"from"`          // network; storage, the browser's; page, what comes with it
	Kept  bool   `json:"kept"`          // is in the browser's storage
	Why   string `json:"why,omitempty"` // why it is not kept, where it was to be
}

// gathering gets the files of what is to be opened.
type gathering struct {
	r    rpc.Request
	emit *rpc.Emitter
	keep bool // in the browser's storage, what can be
	on   device.Options

	gotten  []Gotten
	release []func()
}

// done lets go of what is stored.
func (g *gathering) done() {
	for _, f := range g.release {
		f()
	}
	g.release = nil
}

// folder fetches what must be fetched and makes a folder of the sources.
func (g *gathering) folder(ctx context.Context, op string, sources []Source) (format.Folder, error) {
	var out format.Folder
	for _, s := range sources {
		switch blobs := g.r.Blobs; {
		case s.Blob != nil && (*s.Blob < 0 || *s.Blob >= len(blobs)):
			return nil, fault.Inputf(op, "%s: got the blob %d of %d", s.Name, *s.Blob, len(blobs))
		case s.Blob != nil:
			out = append(out, named(s.Name, blobs[*s.Blob]))
		case isFolder(s.URL):
			s.URL = strings.TrimSuffix(s.URL, "/") + "/"
			f, err := g.fetchFolder(ctx, op, s)
			if err != nil {
				return nil, err
			}
			out = append(out, f...)
		case s.URL != "":
			if op == "base" {
				s.admit = g.admit(ctx, s.URL, nil)
			}
			f, _, err := g.fetch(ctx, op, s, "safetensors, GGUF or JSON")
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		default:
			return nil, fault.Inputf(op, "got a source without a file or an address")
		}
	}
	return out, nil
}

func isFolder(address string) bool {
	return strings.HasPrefix(address, "http") && path.Ext(address) == "" || strings.HasSuffix(address, "/")
}

func named(name string, blob js.Value) format.NamedBlob {
	return format.NamedBlob{Name: name, Blob: web.NewBlob(name, blob)}
}

// fetch gets one file.
func (g *gathering) fetch(ctx context.Context, op string, s Source, kind string) (f format.NamedBlob, missing bool, err error) {
	if s.Name == "" {
		address, _, _ := strings.Cut(s.URL, "?")
		s.Name = path.Base(address)
	}
	if s.Of == "" {
		s.Of = s.Name
	}
	ofPage, shell := ofBuild(s.URL)
	if s.SHA256 == "" && ofPage.SHA256 != "" {
		s.SHA256, s.Size = ofPage.SHA256, ofPage.Bytes
	}
	start, first, last := time.Now(), int64(-1), int64(0)
	report := func(r web.Report) {
		p := Progress{Progress: engine.Progress{Status: r.Status, File: s.Name, Loaded: r.Loaded, Total: r.Total}}
		if first < 0 || r.Loaded < last { // begun, or begun anew
			start, first = time.Now(), r.Loaded
		}
		last = r.Loaded
		if d := time.Since(start).Seconds(); d > 0 && r.Status == "download" {
			p.Rate = float64(r.Loaded-first) / d
		}
		g.emit.Latest("progress", p.Status+s.Name, p)
	}
	got, missing, err := web.Download(ctx, web.Want{URL: s.URL, Name: s.Name, Of: s.Of, Kind: kind, SHA256: s.SHA256, Size: s.Size, Keep: g.keep && !shell, Admit: s.admit}, report)
	if err != nil {
		return f, missing, err
	}
	g.release = append(g.release, got.Release)
	f = format.NamedBlob{Name: s.Name, Blob: web.NewBlob(s.Name, got.Blob).Summed(strings.ToLower(s.SHA256))}
	from := Gotten{Of: op, Name: s.Name, Bytes: f.Size(), From: "network", Kept: got.Kept, Why: got.Why}
	switch {
	case got.Stored:
		from.From = "storage"
	case shell:
		from.From = "page"
	}
	g.gotten = append(g.gotten, from)
	return f, false, nil
}

// ofBuild tells what this build of the page says of a file (build.js), and
// whether the file is a part of the page that needs no keeping.
func ofBuild(address string) (known, bool) {
	here, _, _ := strings.Cut(js.Global().Get("location").Get("href").String(), "?")
	name, ok := strings.CutPrefix(address, here[:strings.LastIndexByte(here, '/')+1])
	build := js.Global().Get("handfulBuild")
	if !ok || !build.Truthy() {
		return known{}, false
	}
	f := build.Get("files").Get(name)
	if !f.Truthy() {
		return known{}, false
	}
	return known{f.Get("sha256").String(), int64(f.Get("bytes").Float())}, f.Get("shell").Truthy()
}

// smallBase is what any machine has room for: no device is opened to ask.
const smallBase = 256 << 20

// admit refuses a base that there is no room for, before its weights are
// downloaded: by its config.json, where that is in the folder, and their size.
func (g *gathering) admit(ctx context.Context, name string, have format.Folder) func(bytes int64) error {
	return func(bytes int64) error {
		if bytes < smallBase {
			return nil
		}
		var config format.Object
		if b, ok := have.Find("config.json"); ok {
			raw, err := format.ReadAll(b.Name, b, maxIndex)
			if err != nil {
				return err
			}
			if json.Unmarshal(raw, &config) != nil {
				return nil // opening it says so
			}
		}
		d, _, err := device.Open(ctx, g.on)
		if err != nil {
			return err
		}
		defer d.Close()
		return engine.Admit(d, path.Base(name), config, bytes)
	}
}

// file is one that a folder may hold.
type file struct {
	name, kind string
	optional   bool
}

// layouts are what is looked for at a folder's address, by what it holds: a
// server can't be asked for a list.
var layouts = map[string][]file{
	"base": {{"config.json", "JSON", false}, {"model.safetensors", "safetensors", true}, {"tokenizer.json", "JSON", true}},
	"peft": {{"adapter_config.json", "JSON", false}, {"adapter_model.safetensors", "safetensors", false},
		{"manifest.json", "JSON", true}, {"task_rows.safetensors", "safetensors", true}, {"task_gradients.safetensors", "safetensors", true}},
}

// fetchFolder downloads the files that a model's or an adapter's folder has.
func (g *gathering) fetchFolder(ctx context.Context, op string, s Source) (out format.Folder, err error) {
	if s.Of == "" {
		s.Of = path.Base(s.URL)
	}
	get := func(name, kind string) (format.NamedBlob, bool, error) {
		k := s.Files[name]
		file := Source{URL: s.URL + name, Of: s.Of, SHA256: k.SHA256, Size: k.Bytes}
		if name == "model.safetensors" && op == "base" {
			file.admit = g.admit(ctx, s.Of, out)
		}
		return g.fetch(ctx, op, file, kind)
	}
	layout := layouts["peft"]
	if op == "base" {
		layout = layouts["base"]
	}
	for _, f := range layout {
		b, missing, err := get(f.name, f.kind)
		if missing && f.optional {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if out, err = fetchPieces(op, out, get); err != nil {
		return nil, err
	}
	if _, whole := out.Find("model.safetensors"); op != "base" || whole {
		return out, nil
	}
	const index = "model.safetensors.index.json"
	b, missing, err := get(index, "JSON")
	if missing {
		return nil, fault.New(fault.Network, "download", "%s holds neither model.safetensors nor %s", s.URL, index).Next("check the address")
	}
	if err != nil {
		return nil, err
	}
	shards, bytes, err := shardsOf(b)
	if err == nil {
		err = g.admit(ctx, s.Of, out)(bytes)
	}
	if err != nil {
		return nil, err
	}
	out = append(out, b)
	for _, name := range shards {
		b, _, err := get(name, "safetensors")
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// fetchPieces adds a T5's sentencepiece vocabulary where it has no tokenizer.json.
func fetchPieces(op string, out format.Folder, get func(name, kind string) (format.NamedBlob, bool, error)) (format.Folder, error) {
	config, ok := out.Find("config.json")
	if _, have := out.Find("tokenizer.json"); op != "base" || have || !ok {
		return out, nil
	}
	raw, err := format.ReadAll(config.Name, config, maxIndex)
	if err != nil {
		return nil, err
	}
	var c struct {
		Type string `json:"model_type"`
	}
	if json.Unmarshal(raw, &c) != nil || c.Type != "t5" && c.Type != "mt5" {
		return out, nil // whatever it is, opening it says so
	}
	for name, kind := range map[string]string{"spiece.model": "a sentencepiece model", "tokenizer_config.json": "JSON"} {
		b, missing, err := get(name, kind)
		switch {
		case missing:
		case err != nil:
			return nil, err
		default:
			out = append(out, b)
		}
	}
	return out, nil
}

// shardsOf lists an index's files, each a plain name beside it, and tells what
// they hold together, as far as it says.
func shardsOf(b format.NamedBlob) (out []string, bytes int64, err error) {
	raw, err := format.ReadAll(b.Name, b, maxIndex)
	if err != nil {
		return nil, 0, err
	}
	var index struct {
		Map  map[string]string `json:"weight_map"`
		Meta struct {
			Size float64 `json:"total_size"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, 0, fault.Inputf(b.Name, "%w", err)
	}
	seen := map[string]bool{}
	for _, s := range index.Map {
		if path.Base(s) != s || s == "." || s == ".." {
			return nil, 0, fault.Inputf(b.Name, "got the file %q, want a name beside it", s)
		}
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	sort.Strings(out)
	return out, int64(index.Meta.Size), nil
}
