package main

import (
	"context"
	"strings"

	"handful/core/engine/enginetest"
	"handful/core/format"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// trial is what the campaign and the long run are given, beside the pocket
// model's files.
type trial struct {
	Device string   `json:"device"` // cpu or gpu
	Rounds int      `json:"rounds"`
	Files  []string `json:"files"` // base/NAME or inventory/NAME, a blob each
}

func (t *trial) read(r rpc.Request) (p enginetest.Pocket, err error) {
	if err := r.Into(t); err != nil {
		return p, err
	}
	p.Device = t.Device
	for i, path := range t.Files {
		of, name, _ := strings.Cut(path, "/")
		f := format.NamedBlob{Name: name, Blob: web.NewBlob(name, r.Blobs[i])}
		if of == "base" {
			p.Base = append(p.Base, f)
		} else {
			p.Inventory = append(p.Inventory, f)
		}
	}
	return p, nil
}

// campaign answers with how the rounds ended, and what should not have been.
func campaign(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var t trial
	p, err := t.read(r)
	if err != nil {
		return nil, nil, err
	}
	ends, wrong, err := p.Campaign(ctx, t.Rounds, func(round int) { emit.Batch("round", round); web.Yield() })
	return map[string]any{"ends": ends, "wrong": wrong}, nil, err
}

// endure tells after each round how many bytes of Go's heap are alive.
func endure(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var t trial
	p, err := t.read(r)
	if err != nil {
		return nil, nil, err
	}
	var alive []uint64
	err = p.Endure(ctx, t.Rounds, func(round int) {
		web.Yield()
		alive = append(alive, enginetest.Alive())
		emit.Batch("round", round)
	})
	return map[string]any{"alive": alive}, nil, err
}
