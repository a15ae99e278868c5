package main

import (
	"context"
	"encoding/json"
	"path"
	"sort"
	"strings"
	"syscall/js"
	"time"

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
// is a folder.
type Source struct {
	Name   string `json:"name"`
	Blob   *int   `json:"blob"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Progress is a step of opening, with the rate of a download.
type Progress struct {
	engine.Progress
	Rate float64 `json:"rate,omitempty"` // bytes per second
}

// gather fetches what must be fetched and makes a folder of the sources.
func gather(ctx context.Context, op string, sources []Source, r rpc.Request, emit *rpc.Emitter) (format.Folder, error) {
	var out format.Folder
	for _, s := range sources {
		switch {
		case s.Blob != nil && (*s.Blob < 0 || *s.Blob >= len(r.Blobs)):
			return nil, fault.Inputf(op, "%s: got the blob %d of %d", s.Name, *s.Blob, len(r.Blobs))
		case s.Blob != nil:
			out = append(out, named(s.Name, r.Blobs[*s.Blob]))
		case isFolder(s.URL):
			f, err := fetchFolder(ctx, op, strings.TrimSuffix(s.URL, "/")+"/", emit)
			if err != nil {
				return nil, err
			}
			out = append(out, f...)
		case s.URL != "":
			f, _, err := fetch(ctx, s, "safetensors, GGUF or JSON", emit)
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

// fetch downloads one file.
func fetch(ctx context.Context, s Source, kind string, emit *rpc.Emitter) (f format.NamedBlob, missing bool, err error) {
	if s.Name == "" {
		address, _, _ := strings.Cut(s.URL, "?")
		s.Name = path.Base(address)
	}
	start := time.Now()
	report := func(loaded, total int64) {
		p := Progress{Progress: engine.Progress{Status: "download", File: s.Name, Loaded: loaded, Total: total}}
		if d := time.Since(start).Seconds(); d > 0 {
			p.Rate = float64(loaded) / d
		}
		emit.Latest("progress", p.Status+s.Name, p)
	}
	blob, missing, err := web.Download(ctx, web.Want{URL: s.URL, Kind: kind, SHA256: s.SHA256, Size: s.Size}, report)
	if err != nil {
		return f, missing, err
	}
	return named(s.Name, blob), false, nil
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
		{"manifest.json", "JSON", true}, {"task_rows.safetensors", "safetensors", true}},
}

// fetchFolder downloads the files that a model's or an adapter's folder has.
func fetchFolder(ctx context.Context, op, address string, emit *rpc.Emitter) (out format.Folder, err error) {
	layout := layouts["peft"]
	if op == "base" {
		layout = layouts["base"]
	}
	for _, f := range layout {
		b, missing, err := fetch(ctx, Source{URL: address + f.name}, f.kind, emit)
		if missing && f.optional {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if out, err = fetchPieces(ctx, op, address, out, emit); err != nil {
		return nil, err
	}
	if _, whole := out.Find("model.safetensors"); op != "base" || whole {
		return out, nil
	}
	const index = "model.safetensors.index.json"
	b, missing, err := fetch(ctx, Source{URL: address + index}, "JSON", emit)
	if missing {
		return nil, fault.New(fault.Network, "download", "%s holds neither model.safetensors nor %s", address, index).Next("check the address")
	}
	if err != nil {
		return nil, err
	}
	out = append(out, b)
	shards, err := shardsOf(b)
	if err != nil {
		return nil, err
	}
	for _, s := range shards {
		b, _, err := fetch(ctx, Source{URL: address + s}, "safetensors", emit)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// fetchPieces adds a T5's sentencepiece vocabulary where it has no tokenizer.json.
func fetchPieces(ctx context.Context, op, address string, out format.Folder, emit *rpc.Emitter) (format.Folder, error) {
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
		b, missing, err := fetch(ctx, Source{URL: address + name}, kind, emit)
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

// shardsOf lists an index's files, each a plain name beside it.
func shardsOf(b format.NamedBlob) ([]string, error) {
	raw, err := format.ReadAll(b.Name, b, maxIndex)
	if err != nil {
		return nil, err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fault.Inputf(b.Name, "%w", err)
	}
	seen := map[string]bool{}
	var out []string
	for _, s := range index.Map {
		if path.Base(s) != s || s == "." || s == ".." {
			return nil, fault.Inputf(b.Name, "got the file %q, want a name beside it", s)
		}
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	sort.Strings(out)
	return out, nil
}
